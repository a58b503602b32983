import type { Progress } from './measure/progress.ts';

/** What a run of the bench was asked for. */
export interface Plan {
  readonly events: number;
  readonly rounds: number;
  readonly windows: 'redis' | 'memory';
  /** Most records of the detector's batches: a subject for each. The first one is the detector that others are compared with. */
  readonly batches: readonly number[];
  /** Undefined: without Kafka Streams, where there is no Maven. */
  readonly streams: { readonly threads: number } | undefined;
  /** Of the subjects compared, those whose name holds one of these; undefined: all. */
  readonly subjects: readonly string[] | undefined;
  readonly latencySeconds: number;
  /** Folder of data sets and builds, kept for the next run. */
  readonly data: string;
  /** Folder for profiles of the detector; undefined: none are made. */
  readonly profile: string | undefined;
  readonly progress: Progress;
}

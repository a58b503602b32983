import type { Progress } from './measure/progress.ts';

/** What a run of the bench was asked for. */
export interface Plan {
  readonly events: number;
  readonly rounds: number;
  readonly windows: 'redis' | 'memory';
  /** Undefined: without Kafka Streams, where there is no Maven. */
  readonly streams: { readonly threads: number } | undefined;
  readonly latencySeconds: number;
  /** Folder of data sets and builds, kept for the next run. */
  readonly data: string;
  /** Folder for profiles of the detector; undefined: none are made. */
  readonly profile: string | undefined;
  readonly progress: Progress;
}

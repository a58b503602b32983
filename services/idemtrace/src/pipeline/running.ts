/** What the thread of a part does for it, whichever part it is. */
import { hostname } from 'node:os';
import { connectLineage, createSampleWriter, type LineageAddress, type ProcessKind, type Sample } from '@idemtrace/lineage';
import type { Codec } from '@idemtrace/schemas';
import type { EventLog } from '@idemtrace/stream';
import { withTombstones } from '../erasure/tombstones.ts';
import { type LogOptions, openLog } from './adapters.ts';
import type { PartSpec } from './part-protocol.ts';
import type { Logger } from './pipeline.ts';

export interface Running {
  status(): unknown;
  drain(): Promise<void>;
  close(): Promise<void>;
  readonly done: Promise<void>;
}

/** The log as a part reads it: without what was erased from it. */
export async function openLogOfPart(spec: PartSpec, codec: Codec, options: LogOptions): Promise<EventLog> {
  const log = await openLog(spec.log, options);
  return spec.log.kind === 'embedded' ? log : withTombstones(log, codec, spec.topics.events);
}

export interface RunningSamples {
  close(): Promise<void>;
}

/** Operational samples into lineage, where there is one; beside OpenTelemetry, and never in the pipeline's way. */
export function startSamples(
  address: LineageAddress | undefined,
  kind: ProcessKind,
  read: () => Promise<readonly Sample[]>,
): RunningSamples | undefined {
  if (address === undefined) return undefined;
  const client = connectLineage(address);
  const writer = createSampleWriter({
    client,
    kind,
    process: `${hostname()}/${process.pid}`,
    read: async () => [
      ...(await read()),
      { metric: 'samples_dropped', value: writer.status().dropped },
      { metric: 'resident_bytes', value: process.memoryUsage.rss() },
    ],
  });
  return {
    async close() {
      writer.close();
      await client.close();
    },
  };
}

/** Times since they were last asked for. */
export class Timings {
  #ms: number[] = [];

  add(ms: number): void {
    // Between two samples: more than this many say nothing new of the percentiles.
    if (this.#ms.length < 10_000) this.#ms.push(ms);
  }

  /** Median and 99th percentile, in ms; NaN where there was none. */
  take(): { readonly p50: number; readonly p99: number } {
    const sorted = this.#ms.toSorted((a, b) => a - b);
    this.#ms = [];
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
    return { p50: at(0.5), p99: at(0.99) };
  }
}

export function reporting(logger: Logger): (level: 'warn' | 'error', message: string) => void {
  return (level, message) => logger[level]({}, message);
}

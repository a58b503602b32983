/**
 * A stretch of the log judged again, for nobody: what the loop would have published of it under another policy. It reads without a group, in
 * windows of its own, and commits, publishes and remembers nothing.
 */
import type { Alert, PolicyLookup } from '@idemtrace/schemas';
import type { Batch, EventLog, LogRecord } from '@idemtrace/stream';
import { type DetectorCodec, factsOf, readBatch, verdictsOf } from './batch.ts';
import type { DetectorCounters } from './counters.ts';
import { rebuildMs } from './detector.ts';
import { windowIdOf } from './window-id.ts';
import { MemoryWindows } from './windows/memory/memory-windows.ts';

/** Offsets of one partition of the events topic. */
export interface Stretch {
  readonly partition: number;
  /** First record that the log holds. */
  readonly low: number;
  /** Records from here on only fill the window … */
  readonly windowFrom: number;
  /** … those from here on are judged … */
  readonly from: number;
  /** … up to, not including, here. */
  readonly to: number;
}

/** The log no longer reaches back to where the stretch's first windows start: what the loop published may have known more. */
export function isCut({ low, windowFrom }: Stretch): boolean {
  return low > 0 && windowFrom <= low;
}

export interface JudgeAgainOptions {
  readonly log: EventLog;
  readonly codec: DetectorCodec;
  readonly policy: PolicyLookup;
  /** The events topic. */
  readonly topic: string;
  readonly windowMs: number;
  /** Counts up what is judged, and as `replayed` what only fills the window. */
  readonly counters: DetectorCounters;
  readonly maxRecords: number;
  readonly maxBytes: number;
  /** Told after each batch how many records it had. */
  readonly onBatch?: (records: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Every alert, and every revision of one, that the stretch gives, in the order of its events; their ids and revisions are those that the loop
 * gives them. Throws where the log or the registry is away, and the signal's reason once it aborts.
 */
export async function* judgeAgain(stretch: Stretch, options: JudgeAgainOptions): AsyncGenerator<Alert> {
  const { log, codec, policy, topic, windowMs, counters, signal, onBatch } = options;
  const { partition } = stretch;
  const windowId = windowIdOf({ logId: log.id, topic, partitions: await log.partitionsOf(topic), windowMs });
  const windows = new MemoryWindows({ windowMs });
  let isBegun = false;
  for await (const batch of batchesOf(stretch, options)) {
    const { from, to } = batch;
    // What is below is folded as soon as it may be, as in the loop.
    const committed = Math.max(stretch.from, from);
    if (!isBegun) {
      const completeFrom = isCut(stretch) ? (batch.records[0]?.logTime ?? 0) + rebuildMs(windowMs) : 0;
      await windows.begin(partition, { windowId, lo: from, committed, completeFrom });
      isBegun = true;
    }
    const records = await readBatch(batch, codec);
    const applied = await windows.apply({ partition, windowId, from, to, committed, facts: factsOf(records) });
    if (applied.status === 'lost') throw new Error(`The windows of partition ${partition} do not reach offset ${from}.`);
    const { view, marker } = applied;
    const { completeFrom } = marker;
    for (const verdict of verdictsOf(records, { view, committed: stretch.from, completeFrom, policy, windowMs, counters })) {
      if (verdict.kind === 'alert') yield verdict.alert;
    }
    onBatch?.(records.length);
  }
  signal?.throwIfAborted();
}

async function* batchesOf({ partition, windowFrom, to }: Stretch, options: JudgeAgainOptions): AsyncGenerator<Batch> {
  const { log, topic, maxRecords, maxBytes, signal } = options;
  let from = windowFrom;
  let bytes = 0;
  let records: LogRecord[] = [];
  const batch = (): Batch => {
    const next = (records.at(-1)?.offset ?? from) + 1;
    const whole = { records, from, to: next };
    [records, bytes, from] = [[], 0, next];
    return whole;
  };
  const start = new Map([[partition, windowFrom]]);
  for await (const record of log.tail(topic, { partition, from: start, ...(signal !== undefined && { signal }) })) {
    if (record.offset >= to) break;
    records.push(record);
    bytes += record.value?.length ?? 0;
    if (records.length >= maxRecords || bytes >= maxBytes) yield batch();
  }
  if (records.length > 0) yield batch();
}

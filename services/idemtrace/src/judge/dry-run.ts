/**
 * What would change if the events since a time were judged by another policy: as if it had been put in force then, and what was published
 * before had stayed. Reads the log without a group, one partition after the other; writes nothing.
 */
import { type DetectorCounters, isCut, judgeAgain, newCounters, rebuildMs, type Stretch } from '@idemtrace/detector';
import type { PolicyLookup } from '@idemtrace/schemas';
import type { Config } from '../config/index.ts';
import type { Store } from '../pipeline/store.ts';
import { LatestRevisions, type Revisions, standings } from './compare.ts';
import { Tally } from './tally.ts';

export interface DryRunOptions {
  readonly store: Store;
  readonly config: Pick<Config, 'topics' | 'groups' | 'window' | 'batch'>;
  readonly policy: PolicyLookup;
  /** Log time, ms since the epoch. */
  readonly since: number;
  /** Most alerts named of each kind. */
  readonly limit: number;
  readonly signal?: AbortSignal;
  /** Told how many records of all are read. */
  readonly onProgress?: (read: number, ofRecords: number) => void;
}

export interface DryRun {
  readonly stretches: readonly Stretch[];
  /** Of the events that were judged; `replayed` are those that filled windows. */
  readonly counters: DetectorCounters;
  readonly tally: Tally;
  /** Versions of the policies that the alerts were published under. */
  readonly publishedUnder: readonly string[];
  /** In some partition the log no longer reaches back to where the first windows start: what was published knew more. */
  readonly isCut: boolean;
  /** Records that the detectors' group has not committed: nothing is published of them yet, and they are left out. */
  readonly waiting: number;
}

/** Throws where the log or the registry is away, and the signal's reason once it aborts. */
export async function dryRun(options: DryRunOptions): Promise<DryRun> {
  const { store, config, policy, since, limit, signal, onProgress } = options;
  const { topics, groups, window, batch } = config;
  // First: the alerts of what is committed by now are in their topic when it is read.
  const committed = await store.log.committed(topics.events, groups.detector);
  const bounds = await store.log.bounds(topics.events);
  const ends = bounds.map(({ low }, partition) => Math.max(committed[partition] ?? low, low));
  const waiting = bounds.reduce((sum, { high }, partition) => sum + high - (ends[partition] ?? high), 0);
  const stretches = await stretchesOf(options, bounds, ends);
  const alertStarts = await store.log.offsetsAt(topics.alerts, since - rebuildMs(window.length));
  const withEvents = stretches.filter(({ from, to }) => from < to);
  const total = withEvents.reduce((sum, { windowFrom, to }) => sum + to - windowFrom, 0);

  const counters = newCounters();
  const tally = new Tally(limit);
  const versions = new Set<string>();
  let read = 0;
  for (const stretch of withEvents) {
    const judged = new LatestRevisions();
    const again = judgeAgain(stretch, {
      log: store.log,
      codec: store.codec,
      policy,
      topic: topics.events,
      windowMs: window.length,
      counters,
      maxRecords: batch.maxRecords,
      maxBytes: batch.maxBytes,
      onBatch: (records) => {
        read += records;
        onProgress?.(read, total);
      },
      ...(signal !== undefined && { signal }),
    });
    for await (const alert of again) judged.add(alert);
    const { before, published } = await publishedOf(stretch, alertStarts[stretch.partition] ?? 0, options);
    for (const { policyVersion } of published.values()) versions.add(policyVersion ?? 'unknown');
    tally.add(standings({ before, published, judged }));
  }
  return {
    stretches,
    counters,
    tally,
    publishedUnder: [...versions].sort(),
    isCut: withEvents.some(isCut),
    waiting,
  };
}

async function stretchesOf(
  { store: { log }, config: { topics, window }, since }: DryRunOptions,
  bounds: readonly { readonly low: number }[],
  ends: readonly number[],
): Promise<readonly Stretch[]> {
  const starts = await log.offsetsAt(topics.events, since);
  const windowStarts = await log.offsetsAt(topics.events, since - rebuildMs(window.length));
  return bounds.map(({ low }, partition) => {
    const to = ends[partition] ?? low;
    const from = Math.min(Math.max(starts[partition] ?? low, low), to);
    return { partition, low, windowFrom: Math.min(Math.max(windowStarts[partition] ?? low, low), from), from, to };
  });
}

/** Published alerts of a partition's events: what stood before those of the stretch, and what those gave. */
async function publishedOf(
  { partition, from, to }: Stretch,
  start: number,
  { store: { log, codec }, config: { topics }, signal }: DryRunOptions,
): Promise<Omit<Revisions, 'judged'>> {
  const before = new LatestRevisions();
  const published = new LatestRevisions();
  const tail = log.tail(topics.alerts, { partition, from: new Map([[partition, start]]), ...(signal !== undefined && { signal }) });
  for await (const record of tail) {
    const [decoded] = await codec.decode([record]);
    if (decoded?.ok !== true || decoded.record.name !== 'Alert') continue;
    const alert = decoded.record.value;
    // The revision is the offset of the event that gave it.
    if (alert.revision < from) before.add(alert);
    else if (alert.revision < to) published.add(alert);
  }
  signal?.throwIfAborted();
  return { before, published };
}

/**
 * The consumer loop: what makes each event judged once and each alert published once, above the ports alone.
 *
 * For each partition and generation: take over (fences the owner before) → find where the window starts → rebuild it from the log where the
 * store lost it → judge. Of each batch first the facts go into the window store (W3), then alerts, dead letters and the offset into the log,
 * in one transaction (W4). What is read again below the committed offset emits nothing (W5).
 */
import type { PolicyLookup } from '@idemtrace/schemas';
import type { Batch, CommitResult, EventLog, OwnedPartition, Subscription } from '@idemtrace/stream';
import { type DetectorCodec, factsOf, outputsOf, type ReadRecord, readBatch, verdictsOf } from './batch.ts';
import { type DetectorCounters, newCounters } from './counters.ts';
import type { DetectorObserver } from './observer.ts';
import { windowIdOf } from './window-id.ts';
import type { Applied, WindowStore } from './windows/port.ts';

/** Where a group without a committed offset starts: the first record held, the end, or the first record at or after a log time (ms). */
export type StartFrom = 'earliest' | 'latest' | number;

export interface DetectorOptions {
  readonly log: EventLog;
  readonly codec: DetectorCodec;
  readonly windows: WindowStore;
  /** The policy in force; asked once per batch. */
  readonly policy: () => PolicyLookup;
  readonly topics: { readonly events: string; readonly alerts: string; readonly deadLetters: string };
  readonly group: string;
  readonly windowMs: number;
  readonly maxRecords?: number;
  readonly maxBytes?: number;
  /** Needed only where the group never committed and no window says where it was. */
  readonly from?: StartFrom;
  /** Waits between two tries at a service that is away. */
  readonly sleep?: (ms: number) => Promise<void>;
  /** Told what a person on call wants to know. */
  readonly report?: (message: string) => void;
  /** Told how long batches take, and asked for the traces of alerts. */
  readonly observer?: DetectorObserver;
  /** Monotonic, ms: for the observer alone. */
  readonly elapsed?: () => number;
}

export interface DetectorStatus {
  /** Every service that the last batch needed answered. */
  readonly ready: boolean;
  /** What it waits for, and since which try. */
  readonly waitingFor: string | null;
  readonly counters: DetectorCounters;
}

export interface Detector {
  status(): DetectorStatus;
  /** Finishes the batches under way; one that waits for a service that is away is left in the log. */
  close(): Promise<void>;
  /** Resolves when closed; rejects with the fault that stopped it. */
  readonly done: Promise<void>;
}

interface Awaiting {
  readonly generation: number;
  readonly committed: number;
  /** Where the next batch starts. */
  readonly next: number;
}

type State =
  /** Waits for the first record to be judged: its log time says where the window starts. */
  | (Awaiting & { readonly mode: 'locating'; readonly low: number })
  /** Waits for the first record of the window. `cut`: the log may no longer reach back as far as `rebuildMs`. */
  | (Awaiting & { readonly mode: 'beginning'; readonly cut: boolean })
  | (Awaiting & { readonly mode: 'judging' })
  | { readonly mode: 'fenced'; readonly generation: number };

const RETRY_MS = 500;
/**
 * Part of a window that a rebuild reads before the window itself: a record in it that is the second delivery of one before it must be known
 * for that. A delivery that comes later than this after the first is taken for the first by a window that was rebuilt in between.
 */
const REDELIVERY_SHARE = 1 / 8;

/** How far before a record the log must reach, ms, for a window of this length to be rebuilt whole. */
export function rebuildMs(windowMs: number): number {
  return windowMs * (1 + REDELIVERY_SHARE);
}

export class DetectorError extends Error {
  override readonly name = 'DetectorError';
  readonly code: 'no_committed_offset';
  constructor(code: 'no_committed_offset', message: string) {
    super(message);
    this.code = code;
  }
}

export async function startDetector(options: DetectorOptions): Promise<Detector> {
  const partitions = await options.log.partitionsOf(options.topics.events);
  const windowId = windowIdOf({ logId: options.log.id, topic: options.topics.events, partitions, windowMs: options.windowMs });
  const loop = new Loop(options, windowId);
  const subscription: Subscription = await options.log.subscribe(
    {
      topic: options.topics.events,
      group: options.group,
      maxRecords: options.maxRecords ?? 500,
      ...(options.maxBytes !== undefined && { maxBytes: options.maxBytes }),
    },
    (partition, batch) => loop.handle(partition, batch),
  );
  const close = () => {
    loop.giveUpWaiting();
    return subscription.close();
  };
  return { status: () => loop.status(), close, done: subscription.done };
}

/** What ends a batch that waits, when the detector is told to end. */
class GivenUp extends Error {}

class Loop {
  readonly #options: DetectorOptions;
  readonly #windowId: string;
  readonly #states = new Map<number, State>();
  readonly #counters = newCounters();
  readonly #waitingFor = new Map<number, string>();
  #isClosing = false;

  constructor(options: DetectorOptions, windowId: string) {
    this.#options = options;
    this.#windowId = windowId;
  }

  status(): DetectorStatus {
    const waitingFor = this.#waitingFor.values().next().value ?? null;
    return { ready: waitingFor === null, waitingFor, counters: this.#counters };
  }

  /** Whoever waits for a service would never end: nothing of the batch was committed, so its successor judges it. */
  giveUpWaiting(): void {
    this.#isClosing = true;
  }

  async handle(partition: OwnedPartition, batch: Batch): Promise<void> {
    try {
      await this.#step(partition, batch);
    } catch (error) {
      if (!(error instanceof GivenUp)) throw error;
    }
  }

  async #step(partition: OwnedPartition, batch: Batch): Promise<void> {
    const state = this.#states.get(partition.partition);
    if (state === undefined || state.generation !== partition.generation) return this.#takeOver(partition);
    if (state.mode === 'fenced') return;
    // The fetcher is elsewhere, or retention has overtaken it: nothing of the batch is used.
    if (batch.from !== state.next) return this.#takeOver(partition);
    switch (state.mode) {
      case 'locating':
        return this.#locate(partition, batch, state);
      case 'beginning':
        return this.#begin(partition, batch, state);
      case 'judging':
        return this.#judge(partition, batch, state);
    }
  }

  /** Fences the owner before, and goes to where the group stands. Nothing of the batch that prompted it is used. */
  async #takeOver(partition: OwnedPartition): Promise<void> {
    this.#counters.takeOvers += 1;
    const { generation } = partition;
    const { committed, low, high } = await this.#patiently(partition, 'the log', () => partition.takeOver());
    const marker = await this.#patiently(partition, 'the window store', () =>
      this.#options.windows.marker(partition.partition, this.#windowId),
    );
    const held = marker !== undefined && marker.windowId === this.#windowId && marker.hi <= high ? marker : undefined;
    const start = committed ?? held?.committed ?? (await this.#startWithoutOffset(partition, low, high));
    if (start < low) {
      this.#counters.missed += low - start;
      this.#report(partition, `records ${start} to ${low - 1} were deleted by the log's retention before they were judged`);
    }
    const from = Math.max(start, low);
    if (held !== undefined && held.lo <= from && held.hi >= low) {
      const next = Math.min(from, held.hi);
      this.#states.set(partition.partition, { mode: 'judging', generation, committed: from, next });
      partition.seek(next);
    } else {
      this.#states.set(partition.partition, { mode: 'locating', generation, committed: from, next: from, low });
      partition.seek(from);
    }
  }

  async #startWithoutOffset(partition: OwnedPartition, low: number, high: number): Promise<number> {
    const { from, group, topics } = this.#options;
    if (from === undefined) {
      throw new DetectorError(
        'no_committed_offset',
        `Group ${group} has no committed offset in partition ${partition.partition} of ${topics.events}. Say where to start: --from earliest, latest or a time.`,
      );
    }
    if (from === 'earliest') return low;
    return from === 'latest' ? high : partition.offsetAt(from);
  }

  /** The first record to be judged is here: the window that it is judged by starts a window's length before it. */
  async #locate(partition: OwnedPartition, batch: Batch, state: Extract<State, { mode: 'locating' }>): Promise<void> {
    const first = batch.records[0];
    if (first === undefined) return;
    const reach = (logTime: number) => this.#patiently(partition, 'the log', () => partition.offsetAt(logTime));
    const lo = Math.min(await reach(first.logTime - rebuildMs(this.#options.windowMs)), state.committed);
    const cut = state.low > 0 && lo <= state.low;
    const next: State = { mode: 'beginning', generation: state.generation, committed: state.committed, next: lo, cut };
    this.#states.set(partition.partition, next);
    if (lo === batch.from) return this.#begin(partition, batch, next);
    partition.seek(lo);
  }

  async #begin(partition: OwnedPartition, batch: Batch, state: Extract<State, { mode: 'beginning' }>): Promise<void> {
    const { committed, generation, cut } = state;
    const first = batch.records[0];
    if (first === undefined) return;
    this.#counters.rebuilds += 1;
    const completeFrom = cut ? first.logTime + rebuildMs(this.#options.windowMs) : 0;
    if (cut)
      this.#report(partition, 'the log no longer reaches back a window and an eighth: alerts say windowComplete false until it does');
    const marker = { windowId: this.#windowId, lo: batch.from, committed, completeFrom };
    await this.#patiently(partition, 'the window store', () => this.#options.windows.begin(partition.partition, marker));
    const next: State = { mode: 'judging', generation, committed, next: batch.from };
    this.#states.set(partition.partition, next);
    await this.#judge(partition, batch, next);
  }

  async #judge(partition: OwnedPartition, batch: Batch, state: Extract<State, { mode: 'judging' }>): Promise<void> {
    const { codec, windows, topics, windowMs, observer = {}, elapsed = () => performance.now() } = this.#options;
    const startedAt = elapsed();
    const policy = this.#options.policy();
    this.#counters.batches += 1;

    const records = await this.#patiently(partition, 'the schema registry', () => readBatch(batch, codec));
    const decodedAt = elapsed();
    const applied = await this.#patiently(partition, 'the window store', () => this.#remember(partition, batch, state, windows, records));
    if (applied.status === 'lost') {
      this.#report(partition, 'the window store lost this partition: rebuilding it from the log');
      return this.#takeOver(partition);
    }

    const appliedAt = elapsed();
    const { view, marker } = applied;
    const { committed } = state;
    const { completeFrom } = marker;
    const verdicts = verdictsOf(records, { view, committed, completeFrom, policy, windowMs, counters: this.#counters });
    const outputs = outputsOf(verdicts, { codec, topics, observer });
    const judgedAt = elapsed();
    if (batch.to <= committed) {
      await partition.heartbeat();
      this.#states.set(partition.partition, { ...state, next: batch.to });
      return;
    }
    const tell = (outcome: CommitResult) => {
      const [windowMs, judgeMs, commitMs] = [appliedAt - decodedAt, judgedAt - appliedAt, elapsed() - judgedAt];
      const batchMs = elapsed() - startedAt;
      observer.onBatch?.({ partition: partition.partition, outcome, records: records.length, batchMs, windowMs, judgeMs, commitMs });
    };
    // A commit that throws has surely left nothing in the log: it may be tried again.
    switch (await this.#patiently(partition, 'the log', () => partition.commit(batch.to, outputs))) {
      case 'committed':
        tell('committed');
        this.#states.set(partition.partition, { ...state, committed: batch.to, next: batch.to });
        return;
      case 'fenced':
        tell('fenced');
        this.#counters.fenced += 1;
        this.#report(partition, 'another detector took this partition over');
        this.#states.set(partition.partition, { mode: 'fenced', generation: state.generation });
        return;
      case 'inDoubt':
        tell('inDoubt');
        this.#counters.inDoubt += 1;
        return this.#takeOver(partition);
    }
  }

  #remember(
    { partition }: OwnedPartition,
    { from, to }: Batch,
    { committed }: { readonly committed: number },
    windows: WindowStore,
    records: readonly ReadRecord[],
  ): Promise<Applied> {
    return windows.apply({ partition, windowId: this.#windowId, from, to, committed, facts: factsOf(records) });
  }

  /** A service that is away is no bad record: says so, waits, and tries again, alive all the while (W7). */
  async #patiently<T>(partition: OwnedPartition, what: string, attempt: () => Promise<T>): Promise<T> {
    const sleep = this.#options.sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
    for (;;) {
      try {
        const answer = await attempt();
        this.#waitingFor.delete(partition.partition);
        return answer;
      } catch (error) {
        if (!isAway(error)) throw error;
        if (this.#isClosing) throw new GivenUp();
        if (!this.#waitingFor.has(partition.partition)) this.#report(partition, `waiting for ${what}, which is away`);
        this.#waitingFor.set(partition.partition, what);
        await sleep(RETRY_MS);
        await partition.heartbeat();
      }
    }
  }

  #report(partition: OwnedPartition, message: string): void {
    this.#options.report?.(`${partition.topic}, partition ${partition.partition}: ${message}`);
  }
}

/** Codes of services that may come back: a full disk may be freed. */
const AWAY: ReadonlySet<string> = new Set(['away', 'log_away', 'log_full']);

function isAway(error: unknown): boolean {
  return error instanceof Error && 'code' in error && AWAY.has(String(error.code));
}

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Batch } from '../port.ts';
import type { Connection } from './connection.ts';
import { kindOf } from './faults.ts';
import { Feed, type FeedLimits } from './feed.ts';
import type { Fetcher } from './fetcher.ts';
import type { Ownership } from './ownership.ts';
import { boundsOf, committedOf } from './positions.ts';

const retryMs = 300;

export interface WorkMeans {
  readonly group: string;
  readonly topic: string;
  readonly limits: FeedLimits;
  readonly connection: Connection;
  readonly fetcher: Fetcher;
  /** Resolves when batches may be handed on: not while the group is being rebalanced. */
  readonly admitted: () => Promise<void>;
  readonly handle: (ownership: Ownership, batch: Batch) => Promise<void>;
  readonly failed: (error: unknown) => void;
}

/** One partition from its assignment to its loss: fetched, handed on batch by batch, and let go of. */
export class PartitionWork {
  readonly ownership: Ownership;
  readonly #means: WorkMeans;
  #feed: Feed | undefined;
  /** The latest seek: one before it that is still being looked up is void. */
  #sought = 0;
  #closed = false;

  constructor(ownership: Ownership, means: WorkMeans) {
    this.ownership = ownership;
    this.#means = means;
  }

  /** Hands batches on until `close`. Rejects with the handler's fault. */
  async serve(): Promise<void> {
    const { limits, fetcher, admitted, handle } = this.#means;
    try {
      const start = await this.#patiently(
        () => this.#closed,
        () => this.#start(),
      );
      if (start === undefined || this.#closed) return;
      const feed = new Feed(this.ownership.partition, start, limits, () => fetcher.look());
      this.#feed = feed;
      fetcher.add(feed);
      for (let batch = await feed.take(); batch !== undefined; batch = await feed.take()) {
        await admitted();
        if (this.#closed) break;
        await handle(this.ownership, batch);
        await nextTurn();
      }
    } finally {
      this.close();
      await this.ownership.release();
    }
  }

  /** The next batch starts at `offset`, or at the nearest that the log holds. */
  seek(offset: number): void {
    const feed = this.#feed;
    if (feed === undefined || this.#closed) return;
    const sought = ++this.#sought;
    if (feed.goWithin(offset)) return;
    feed.unplace();
    const { end } = feed;
    const isVoid = () => this.#closed || this.#sought !== sought;
    this.#patiently(isVoid, () => this.#bounds()).then((bounds) => {
      if (bounds === undefined || isVoid()) return;
      // Beyond the end: what was appended since it was asked for is not left out.
      const asked = offset > bounds.high && end > 0 ? end : offset;
      feed.place(Math.min(Math.max(asked, bounds.low), bounds.high));
    }, this.#means.failed);
  }

  /** What it asked for is no longer in the log. */
  goIntoRange(): void {
    if (this.#feed !== undefined) this.seek(this.#feed.fetched);
  }

  /** Hands on nothing more; a batch under way ends by itself. */
  close(): void {
    this.#closed = true;
    this.#feed?.close();
    if (this.#feed !== undefined) this.#means.fetcher.remove(this.#feed);
  }

  async #start(): Promise<number> {
    const { connection, group, topic } = this.#means;
    const { partition } = this.ownership;
    return (await committedOf(connection, group, topic, [partition])).get(partition) ?? (await this.#bounds()).low;
  }

  async #bounds(): Promise<{ readonly low: number; readonly high: number }> {
    const { partition } = this.ownership;
    const bounds = (await boundsOf(this.#means.connection, this.#means.topic, [partition])).get(partition);
    if (bounds === undefined) throw new Error(`No bounds were given of partition ${partition} of topic ${this.#means.topic}.`);
    return bounds;
  }

  /** Tries until the cluster answers; undefined where the answer is of no use by then. */
  async #patiently<T>(isVoid: () => boolean, ask: () => Promise<T>): Promise<T | undefined> {
    while (!isVoid()) {
      try {
        return await ask();
      } catch (error) {
        if (kindOf(error) !== 'away' && kindOf(error) !== 'stale') throw error;
        await sleep(retryMs);
      }
    }
    return undefined;
  }
}

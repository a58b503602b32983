import { setImmediate as nextTurn } from 'node:timers/promises';
import { LogError } from '../errors.ts';
import type { Batch, BatchHandler, SubscribeOptions, Subscription } from '../port.ts';
import { type Core, read, write } from './core.ts';
import { Membership } from './membership.ts';
import { Ownership, type Seat } from './ownership.ts';
import type { FetchLimits, Span } from './records.ts';
import type { Topic } from './topics.ts';

const defaults = { maxRecords: 500, maxBytes: 4 * 1024 * 1024 } as const;

/** Joins the group, and hands batches of the partitions that it gets to the handler until it is closed. Throws `unknown_topic`. */
export async function subscribe(core: Core, options: SubscribeOptions, handler: BatchHandler, leaseMs: number): Promise<Subscription> {
  const topic = await read(core, () => core.topics.find(options.topic));
  const group = await write(core, () => core.groups.ensure(topic, options.group));
  const membership = new Membership(core, group, leaseMs);
  await membership.join();
  return new GroupSubscription(core, topic, options, handler, membership);
}

class GroupSubscription implements Subscription {
  readonly done: Promise<void>;
  readonly #core: Core;
  readonly #topic: Topic;
  readonly #handler: BatchHandler;
  readonly #membership: Membership;
  readonly #limits: FetchLimits;
  readonly #seat: Seat;
  /** Current ownership of each partition, by partition id. */
  readonly #owned = new Map<number, Ownership>();
  /** Work on a partition, by partition id: kept until it ended, so that an ownership starts only after the one before. */
  readonly #work = new Map<number, Promise<void>>();
  #generation: number | undefined;
  #running = 0;
  #signAt = Date.now();
  #keptAt = Number.NEGATIVE_INFINITY;
  #stopping = false;
  #fault: { readonly error: unknown } | undefined;

  constructor(core: Core, topic: Topic, options: SubscribeOptions, handler: BatchHandler, membership: Membership) {
    this.#core = core;
    this.#topic = topic;
    this.#handler = handler;
    this.#membership = membership;
    this.#limits = { maxRecords: options.maxRecords ?? defaults.maxRecords, maxBytes: options.maxBytes ?? defaults.maxBytes };
    this.#seat = {
      group: membership.group,
      groupName: options.group,
      member: membership.id,
      sign: () => {
        this.#signAt = Date.now();
      },
      renew: () => {
        this.#signAt = Date.now();
        return membership.renew(this.#signAt);
      },
    };
    this.done = this.#run();
  }

  async close(): Promise<void> {
    this.#stop();
    await this.done.catch(() => undefined);
  }

  #stop(): void {
    this.#stopping = true;
    this.#core.bell.ring();
  }

  #fail(error: unknown): void {
    this.#fault ??= { error };
    this.#stop();
  }

  async #run(): Promise<void> {
    this.#core.watch.hold();
    try {
      while (!this.#stopping) await this.#look();
    } catch (error) {
      this.#fail(error);
    }
    // Handlers of a slow batch may still go on: the lease must not run out under them.
    const working = Promise.all(this.#work.values());
    const timer = setInterval(() => void this.#keep().catch(() => undefined), this.#membership.everyMs);
    await working;
    clearInterval(timer);
    this.#core.watch.release();
    // Where leaving fails, the lease runs out by itself.
    await this.#membership.leave().catch(() => undefined);
    if (this.#fault !== undefined) throw this.#fault.error;
  }

  async #look(): Promise<void> {
    const seen = this.#core.bell.rings;
    await this.#keep();
    await read(this.#core, () => this.#reconcile());
    await nextTurn();
    if (!this.#stopping) await this.#core.bell.next(seen, this.#membership.everyMs);
  }

  /** A member whose handlers all keep silent looks dead, as one of a cluster does that does not poll. */
  async #keep(): Promise<void> {
    if (this.#running === 0) this.#signAt = Date.now();
    if (performance.now() - this.#keptAt < this.#membership.everyMs / 2) return;
    this.#keptAt = performance.now();
    await this.#membership.keep(this.#signAt);
  }

  /** Starts and ends work so that it matches what the file says of this member. */
  #reconcile(): void {
    const generation = this.#core.groups.generationOf(this.#membership.group);
    if (generation === this.#generation) return;
    this.#generation = generation;
    const granted = this.#core.groups.ownedBy(this.#membership.group, this.#membership.id);
    for (const [partitionId, ownership] of this.#owned) {
      if (granted.get(partitionId) === ownership.generation) continue;
      ownership.lost = true;
      this.#owned.delete(partitionId);
    }
    for (const span of this.#topic.spans) {
      const since = granted.get(span.partitionId);
      if (since === undefined || this.#owned.has(span.partitionId)) continue;
      const ownership = new Ownership(this.#core, this.#seat, span, since);
      this.#owned.set(span.partitionId, ownership);
      const before = this.#work.get(span.partitionId) ?? Promise.resolve();
      const work = before.then(() => this.#serve(ownership, span)).catch((error) => this.#fail(error));
      this.#work.set(span.partitionId, work);
    }
    // Whoever waits for records of a partition that was lost has to look.
    this.#core.bell.ring();
  }

  async #serve(ownership: Ownership, span: Span): Promise<void> {
    let from: number | undefined;
    while (!this.#stopping && !ownership.lost) {
      const seen = this.#core.bell.rings;
      const sought = ownership.takeSought();
      const batch = await read(this.#core, () => this.#fetch(span, sought, from));
      from = batch.to;
      if (batch.records.length === 0) {
        await this.#core.bell.next(seen);
        continue;
      }
      await this.#handle(ownership, batch);
      await nextTurn();
    }
  }

  async #handle(ownership: Ownership, batch: Batch): Promise<void> {
    this.#running++;
    this.#seat.sign();
    try {
      await this.#handler(ownership, batch);
    } catch (error) {
      const isFenced = error instanceof LogError && error.code === 'fenced';
      if (!isFenced || (await read(this.#core, () => ownership.isHeld()))) throw error;
      ownership.lost = true;
    } finally {
      this.#running--;
      this.#seat.sign();
    }
  }

  #fetch(span: Span, sought: number | undefined, next: number | undefined): Batch {
    const from = this.#start(span, sought, next);
    const records = this.#core.records.fetch(span, from, this.#limits);
    return { records, from, to: (records.at(-1)?.offset ?? from - 1) + 1 };
  }

  #start(span: Span, sought: number | undefined, next: number | undefined): number {
    if (sought === undefined && next !== undefined) return next;
    const { low, high } = this.#core.records.stateOf(span.partitionId);
    if (sought !== undefined) return Math.min(Math.max(sought, low), high);
    return this.#core.groups.shareOf(this.#membership.group, span.partitionId).committed ?? low;
  }
}

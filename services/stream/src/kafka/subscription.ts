import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaConfig } from 'kafkajs';
import { LogError } from '../errors.ts';
import type { Batch, BatchHandler, SubscribeOptions, Subscription } from '../port.ts';
import { Connection } from './connection.ts';
import type { FeedLimits } from './feed.ts';
import { Fetcher } from './fetcher.ts';
import { Membership } from './membership.ts';
import { Offsets } from './offsets.ts';
import { Ownership, type Seat } from './ownership.ts';
import { PartitionWork } from './partition-work.ts';
import type { Producers } from './producers.ts';
import type { KafkaReport } from './settings.ts';
import type { Topics } from './topics.ts';
import { Transactions } from './transactions.ts';

export interface SubscriptionMeans {
  readonly settings: KafkaConfig;
  /** For questions of any kind; the membership and the fetches, whose answers are held back by the broker, have connections of their own. */
  readonly connection: Connection;
  readonly topics: Topics;
  readonly producers: Producers;
  readonly sessionTimeoutMs: number;
  readonly report: KafkaReport;
}

const rebalanceTimeoutMs = 30_000;
const defaults: FeedLimits = { maxRecords: 500, maxBytes: 4 * 1024 * 1024 };

/** Ownerships of one process are told apart by it, also across subscriptions. */
let lastGeneration = 0;

/** Hands batches of the partitions that the group gives this member to the handler, until it is closed. */
export class GroupSubscription implements Subscription {
  readonly done: Promise<void>;
  readonly #means: SubscriptionMeans;
  readonly #options: SubscribeOptions;
  readonly #handler: BatchHandler;
  readonly #connections: { readonly membership: Connection; readonly fetches: Connection };
  readonly #membership: Membership;
  readonly #fetcher: Fetcher;
  readonly #offsets: Offsets;
  readonly #seat: Seat;
  readonly #owned = new Map<number, PartitionWork>();
  /** Work on a partition, kept until it ended: an ownership starts only after the one before. */
  readonly #ending = new Map<number, Promise<void>>();
  /** Closed while the group is being rebalanced. */
  #gate: PromiseWithResolvers<void> | undefined;
  #running = 0;
  #signAt = performance.now();
  #signed: PromiseWithResolvers<void> = Promise.withResolvers();
  #stopping = false;
  readonly #stopped: PromiseWithResolvers<void> = Promise.withResolvers();
  #fault: { readonly error: unknown } | undefined;

  constructor(means: SubscriptionMeans, options: SubscribeOptions, handler: BatchHandler) {
    const { settings, connection, topics } = means;
    const { group, topic } = options;
    this.#means = means;
    this.#options = options;
    this.#handler = handler;
    this.#connections = { membership: new Connection(settings), fetches: new Connection(settings) };
    const report = (message: string) => means.report('warn', `Group ${group}, topic ${topic}: ${message}`);
    this.#membership = new Membership(
      this.#connections.membership,
      {
        group,
        topic,
        sessionTimeoutMs: means.sessionTimeoutMs,
        rebalanceTimeoutMs,
        partitionsOf: async (name) => (await topics.look(name, { patient: true }))?.partitions,
      },
      {
        isSilent: () => this.#running > 0 && performance.now() - this.#signAt > means.sessionTimeoutMs,
        heard: () => this.#signed.promise,
        pause: () => this.#pause(),
        assigned: (partitions, kept) => this.#assigned(partitions, kept),
        lost: () => this.#assigned([], false),
        report,
      },
    );
    this.#fetcher = new Fetcher(this.#connections.fetches, topic, {
      outOfRange: ({ partition }) => this.#owned.get(partition)?.goIntoRange(),
      report,
      failed: (error) => this.#fail(error),
    });
    this.#offsets = new Offsets({
      identity: () => this.#membership.identity,
      send: async (identity, offsets) => {
        const partitions = [...offsets].map(([partition, next]) => ({ partition, offset: String(next), metadata: null }));
        await connection.run(`Offsets of group ${group}`, async (cluster) =>
          (await cluster.findGroupCoordinator({ groupId: group })).offsetCommit({ ...identity, topics: [{ topic, partitions }] }),
        );
      },
      heard: (error) => this.#membership.heard(error),
    });
    this.#seat = {
      group,
      topic,
      readOnly: options.readOnly ?? false,
      connection,
      topics,
      offsets: this.#offsets,
      sign: () => this.#sign(),
      beat: () => this.#membership.beat(),
      beatIfDue: () => this.#membership.beatIfDue(),
      seek: (partition, offset) => this.#owned.get(partition)?.seek(offset),
      startAnew: () => void this.#membership.startAnew(),
    };
    this.done = this.#run();
  }

  async close(): Promise<void> {
    this.#stop();
    await this.done.catch(() => undefined);
  }

  #stop(): void {
    this.#stopping = true;
    this.#stopped.resolve();
    this.#membership.stop();
    this.#fetcher.close();
    for (const work of this.#owned.values()) work.close();
    this.#gate?.resolve();
  }

  #fail(error: unknown): void {
    this.#fault ??= { error };
    this.#stop();
  }

  async #run(): Promise<void> {
    const membership = this.#membership.run().catch((error) => this.#fail(error));
    // A join is answered only when the others have joined too: closing does not wait longer for it than a session.
    await Promise.race([membership, this.#stopped.promise.then(() => sleep(this.#means.sessionTimeoutMs, undefined, { ref: false }))]);
    const beating = setInterval(() => void this.#membership.beatIfDue().catch(() => undefined), this.#means.sessionTimeoutMs / 10);
    await Promise.all(this.#ending.values());
    clearInterval(beating);
    await this.#offsets.flush().catch((error) => this.#means.report('warn', `Offsets were not committed at the end: ${String(error)}`));
    this.#offsets.close();
    await this.#membership.leave();
    await Promise.all([this.#connections.membership.close(), this.#connections.fetches.close()]);
    if (this.#fault !== undefined) throw this.#fault.error;
  }

  #sign(): void {
    this.#signAt = performance.now();
    this.#signed.resolve();
    this.#signed = Promise.withResolvers();
  }

  async #pause(): Promise<void> {
    this.#gate ??= Promise.withResolvers();
    const until = performance.now() + this.#means.sessionTimeoutMs;
    while (this.#running > 0 && !this.#stopping && performance.now() < until) await Promise.race([this.#signed.promise, sleep(20)]);
    await this.#offsets.flush().catch(() => undefined);
  }

  #assigned(partitions: readonly number[], kept: boolean): void {
    const granted = new Set(partitions);
    for (const [partition, work] of this.#owned) {
      if (kept && granted.has(partition)) continue;
      work.ownership.lose();
      work.close();
      this.#owned.delete(partition);
    }
    for (const partition of this.#stopping ? [] : partitions) if (!this.#owned.has(partition)) this.#own(partition);
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  #own(partition: number): void {
    const { group, topic } = this.#options;
    const transactions = new Transactions(this.#means.producers, `idemtrace/${group}/${topic}/${partition}`);
    const work = new PartitionWork(new Ownership(this.#seat, partition, ++lastGeneration, transactions), {
      group,
      topic,
      limits: { ...defaults, ...this.#options },
      connection: this.#means.connection,
      fetcher: this.#fetcher,
      admitted: async () => this.#gate?.promise,
      handle: (ownership, batch) => this.#handle(ownership, batch),
      failed: (error) => this.#fail(error),
    });
    this.#owned.set(partition, work);
    const before = this.#ending.get(partition) ?? Promise.resolve();
    this.#ending.set(
      partition,
      before.then(() => work.serve()).catch((error) => this.#fail(error)),
    );
  }

  async #handle(ownership: Ownership, batch: Batch): Promise<void> {
    this.#running++;
    this.#sign();
    try {
      await this.#handler(ownership, batch);
    } catch (error) {
      if (!(error instanceof LogError && error.code === 'fenced' && ownership.lost)) throw error;
    } finally {
      this.#running--;
      this.#sign();
    }
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import { kindOf, partitionOutOfRange } from './faults.ts';
import type { Feed } from './feed.ts';
import { fetchChunks } from './fetch.ts';

/** How long a broker holds a fetch back for the first record to come, ms. A feed that goes elsewhere meanwhile waits as long. */
const waitMs = 100;
const pauseMs = 300;
/** A topic that is gone for so many tries in a row is gone: a broker that has just come back may not know of it at first. */
const triesAtTopic = 20;

export interface FetcherDuties {
  /** What was asked for is not in the log: the feed has to be placed anew. */
  outOfRange(feed: Feed): void;
  report(message: string): void;
  failed(error: unknown): void;
}

/** Keeps the feeds of a topic supplied: one fetch per broker at a time, for all its partitions that can take more. */
export class Fetcher {
  readonly #connection: Connection;
  readonly #topic: string;
  readonly #duties: FetcherDuties;
  readonly #feeds = new Map<number, Feed>();
  readonly #busy = new Set<string>();
  #looking = false;
  #again = false;
  #closed = false;
  #unknown = 0;

  constructor(connection: Connection, topic: string, duties: FetcherDuties) {
    this.#connection = connection;
    this.#topic = topic;
    this.#duties = duties;
  }

  add(feed: Feed): void {
    this.#feeds.set(feed.partition, feed);
    this.look();
  }

  remove(feed: Feed): void {
    if (this.#feeds.get(feed.partition) === feed) this.#feeds.delete(feed.partition);
  }

  close(): void {
    this.#closed = true;
  }

  /** Starts the fetches that are due. */
  look(): void {
    this.#again = true;
    if (this.#looking || this.#closed) return;
    this.#looking = true;
    void this.#look();
  }

  async #look(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      const due = [...this.#feeds.values()].filter((feed) => feed.due !== undefined);
      if (due.length === 0) continue;
      try {
        for (const [node, feeds] of await this.#byLeader(due)) if (!this.#busy.has(node)) void this.#fetch(node, feeds);
      } catch (error) {
        if (!(await this.#mayGoOn(error))) break;
        this.#again = true;
      }
    }
    this.#looking = false;
  }

  async #byLeader(feeds: readonly Feed[]): Promise<ReadonlyMap<string, readonly Feed[]>> {
    const leaders = await this.#connection.run(`Topic ${this.#topic}`, async (cluster) => {
      await cluster.addTargetTopic(this.#topic);
      await cluster.refreshMetadataIfNecessary();
      return cluster.findLeaderForPartitions(
        this.#topic,
        feeds.map(({ partition }) => partition),
      );
    });
    return new Map(
      Object.entries(leaders).map(([node, partitions]) => [node, feeds.filter(({ partition }) => partitions.includes(partition))]),
    );
  }

  async #fetch(node: string, feeds: readonly Feed[]): Promise<void> {
    this.#busy.add(node);
    const asked = feeds.flatMap((feed) => (feed.due === undefined ? [] : { feed, ...feed.due }));
    for (const { feed } of asked) feed.fetching = true;
    // A feed that is full, and becomes hungry while a fetch for idle ones is held back, would wait for it.
    const wait = asked.length < this.#feeds.size ? 10 : waitMs;
    try {
      const positions = new Map(asked.map(({ feed, from }) => [feed.partition, from]));
      const chunks = await this.#connection.run(`Records of topic ${this.#topic}`, async (cluster) =>
        fetchChunks(await cluster.findBroker({ nodeId: node }), this.#topic, positions, wait),
      );
      this.#unknown = 0;
      for (const { feed, course } of asked) {
        const chunk = chunks.get(feed.partition);
        if (chunk !== undefined) feed.deliver(chunk, course);
      }
    } catch (error) {
      const missing =
        kindOf(error) === 'out_of_range' ? asked.find(({ feed }) => feed.partition === partitionOutOfRange(error)) : undefined;
      if (missing !== undefined) this.#duties.outOfRange(missing.feed);
      else await this.#mayGoOn(error);
    } finally {
      for (const { feed } of asked) feed.fetching = false;
      this.#busy.delete(node);
      this.look();
    }
  }

  async #mayGoOn(error: unknown): Promise<boolean> {
    if (this.#closed) return false;
    const kind = kindOf(error);
    if (kind === 'unknown_topic') this.#unknown++;
    const comesBack = kind === 'away' || kind === 'stale' || (kind === 'unknown_topic' && this.#unknown < triesAtTopic);
    if (!comesBack) {
      this.#closed = true;
      this.#duties.failed(error);
      return false;
    }
    this.#duties.report(error instanceof Error ? error.message : String(error));
    await sleep(pauseMs);
    return true;
  }
}

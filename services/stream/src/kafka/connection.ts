import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { LogError } from '../errors.ts';
import { type Cluster, clusterOf } from './client.ts';
import { type FaultKind, kindOf, toLogError } from './faults.ts';

/** Tries by kind of fault: kafkajs itself tries to connect for some seconds; a topic that was just created may be unknown to some broker for a moment. */
export const attempts: Readonly<Partial<Record<FaultKind, number>>> = { away: 2, stale: 6, unknown_topic: 4 };

/**
 * Connections to the cluster, made at the first use, and made anew after one broke: kafkajs' own recovery from a lost broker (2.2.4) leaves
 * a cluster of one broker without any.
 */
export class Connection {
  readonly #kafka: Kafka;
  #cluster: Promise<Cluster> | undefined;
  #closed = false;

  constructor(kafka: Kafka) {
    this.#kafka = kafka;
  }

  /**
   * Runs requests that may be sent twice. Where the cluster is away it is tried for some seconds, then `log_away`; what else kafkajs throws
   * comes as a `LogError` or as it is. `what` begins the message.
   */
  async run<T>(what: string, work: (cluster: Cluster) => Promise<T>, tries = attempts): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      if (this.#closed) throw new LogError('closed', `${what}: the connection was closed.`);
      let cluster: Promise<Cluster> | undefined;
      try {
        cluster = this.#open();
        return await work(await cluster);
      } catch (error) {
        const kind = kindOf(error);
        if (kind === 'away' || kind === 'unknown_topic') this.#drop(cluster);
        if (attempt >= (tries[kind] ?? 1)) throw toLogError(error, what);
        await sleep(Math.min(1000, 40 * 2 ** attempt));
        // What it says of leaders and coordinators is old; where it cannot be asked, the next attempt meets that.
        if (kind === 'stale') await cluster?.then((known) => known.refreshMetadata()).catch(() => undefined);
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const cluster = this.#cluster;
    this.#cluster = undefined;
    await cluster?.then((open) => open.disconnect()).catch(() => undefined);
  }

  #open(): Promise<Cluster> {
    this.#cluster ??= this.#connect();
    return this.#cluster;
  }

  async #connect(): Promise<Cluster> {
    const cluster = clusterOf(this.#kafka);
    try {
      await cluster.connect();
      await cluster.refreshMetadata();
      return cluster;
    } catch (error) {
      await cluster.disconnect().catch(() => undefined);
      throw error;
    }
  }

  #drop(cluster: Promise<Cluster> | undefined): void {
    if (cluster === undefined || this.#cluster !== cluster) return;
    this.#cluster = undefined;
    cluster.then((broken) => broken.disconnect()).catch(() => undefined);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaConfig } from 'kafkajs';
import { LogError } from '../errors.ts';
import { type Cluster, clusterOf } from './client.ts';
import { type FaultKind, kindOf, toLogError } from './faults.ts';
import { Client } from './sockets.ts';

/** Tries by kind of fault: kafkajs itself tries to connect for some seconds; a topic that was just created may be unknown to some broker for a moment. */
export const attempts: Readonly<Partial<Record<FaultKind, number>>> = { away: 2, stale: 6, unknown_topic: 4 };

/**
 * Connections to the cluster, made at the first use, and made anew after one broke: kafkajs' own recovery from a lost broker (2.2.4) leaves
 * a cluster of one broker without any.
 */
export class Connection {
  readonly #settings: KafkaConfig;
  #open: Open | undefined;
  #closed = false;

  constructor(settings: KafkaConfig) {
    this.#settings = settings;
  }

  /**
   * Runs requests that may be sent twice. Where the cluster is away it is tried for some seconds, then `log_away`; what else kafkajs throws
   * comes as a `LogError` or as it is. `what` begins the message.
   */
  async run<T>(what: string, work: (cluster: Cluster) => Promise<T>, tries = attempts): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      if (this.#closed) throw new LogError('closed', `${what}: the connection was closed.`);
      const open = this.#opened();
      open.users += 1;
      try {
        return await work(await open.cluster);
      } catch (error) {
        const kind = kindOf(error);
        if ((kind === 'away' || kind === 'unknown_topic') && this.#open === open) this.#open = undefined;
        if (attempt >= (tries[kind] ?? 1)) throw toLogError(error, what);
        await sleep(Math.min(1000, 40 * 2 ** attempt));
        // What it says of leaders and coordinators is old; where it cannot be asked, the next attempt meets that.
        if (kind === 'stale') await open.cluster.then((known) => known.refreshMetadata()).catch(() => undefined);
      } finally {
        open.users -= 1;
        // One that was given up may still answer others.
        if (open.users === 0 && this.#open !== open) void end(open);
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined) await end(open);
  }

  #opened(): Open {
    this.#open ??= openWith(this.#settings);
    return this.#open;
  }
}

interface Open {
  readonly client: Client;
  readonly cluster: Promise<Cluster>;
  /** Requests under way. */
  users: number;
}

function openWith(settings: KafkaConfig): Open {
  const client = new Client(settings);
  const cluster = connected(clusterOf(client.kafka));
  // Whoever asked hears of it; who closes does not.
  cluster.catch(() => undefined);
  return { client, cluster, users: 0 };
}

async function connected(cluster: Cluster): Promise<Cluster> {
  await cluster.connect();
  await cluster.refreshMetadata();
  return cluster;
}

function end({ client, cluster }: Open): Promise<void> {
  return client.end(async () => (await cluster).disconnect());
}

/** A Redis Cluster of three masters. */
import { setTimeout as delay } from 'node:timers/promises';
import { LocalServiceError } from '../error.ts';
import { freePorts } from '../ports.ts';
import { askRedis } from './ask.ts';
import { type Redis, type RedisOptions, startRedisServer } from './server.ts';

export interface RedisCluster {
  readonly nodes: readonly Redis[];
  /** `host:port` of each node. */
  readonly addresses: readonly string[];
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const NODES = 3;
const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 50;

/** Starts three nodes, shares the slots between them and resolves when each says that the cluster is whole. Throws LocalServiceError. */
export async function startRedisCluster(options: Omit<RedisOptions, 'folder' | 'port' | 'detached' | 'tls'> = {}): Promise<RedisCluster> {
  const started: Redis[] = [];
  const stop = async () => {
    await Promise.all(started.map((node) => node.stop()));
  };
  try {
    const buses: number[] = [];
    for (let index = 0; index < NODES; index += 1) {
      const { bus } = await freePorts(['bus']);
      const settings = { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000', 'cluster-port': String(bus), ...options.settings };
      buses.push(bus);
      started.push(await startRedisServer(`redis-cluster-${index}`, { ...options, settings }));
    }
    const ask = (node: Redis, command: string) => askRedis(node.port, command, options.password);
    for (const [index, node] of started.entries()) {
      const from = Math.floor((index * SLOTS) / NODES);
      const to = Math.floor(((index + 1) * SLOTS) / NODES) - 1;
      await ask(node, `CLUSTER SET-CONFIG-EPOCH ${index + 1}`);
      await ask(node, `CLUSTER ADDSLOTSRANGE ${from} ${to}`);
    }
    for (const [index, node] of started.entries()) {
      const first = started[0];
      if (index > 0 && first !== undefined) await ask(first, `CLUSTER MEET ${node.host} ${node.port} ${buses[index]}`);
    }
    for (const node of started) await untilWhole(node, options.password);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes: started, addresses: started.map(({ host, port }) => `${host}:${port}`), stop };
}

async function untilWhole(node: Redis, password: string | undefined): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const info = await askRedis(node.port, 'CLUSTER INFO', password);
    if (info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${NODES}`)) return;
    await delay(POLL_MS);
  }
  throw new LocalServiceError('not_started', `The Redis Cluster did not come together: see ${node.logFile}.`);
}

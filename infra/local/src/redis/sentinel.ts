/** A Redis master with a replica, watched by a sentinel. */
import { setTimeout as delay } from 'node:timers/promises';
import { LocalServiceError } from '../error.ts';
import { askRedis } from './ask.ts';
import { type Redis, type RedisOptions, startRedisServer } from './server.ts';

export interface RedisSentinel {
  readonly master: Redis;
  readonly replica: Redis;
  readonly sentinel: Redis;
  readonly masterName: string;
  /** `host:port` of the sentinel. */
  readonly sentinels: readonly string[];
  stop(): Promise<void>;
}

const MASTER_NAME = 'idemtrace';
const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 50;

/** Starts the three and resolves when the sentinel knows a replica that is in step. A master that is away for a second is replaced. Throws LocalServiceError. */
export async function startRedisSentinel(options: Omit<RedisOptions, 'folder' | 'port' | 'detached' | 'tls'> = {}): Promise<RedisSentinel> {
  const started: Redis[] = [];
  const stop = async () => {
    // The sentinel first: it would replace a master that is being stopped.
    for (const server of [...started].reverse()) await server.stop();
  };
  try {
    const master = await startRedisServer('redis-master', options);
    started.push(master);
    const replicaOf = { ...options.settings, replicaof: `127.0.0.1 ${master.port}` };
    const replica = await startRedisServer('redis-replica', { ...options, settings: replicaOf });
    started.push(replica);
    const sentinel = await startRedisServer('redis-sentinel', { settings: watched(master.port, options.password) }, ['--sentinel']);
    started.push(sentinel);
    await untilWatched(master, sentinel, options.password);
    return { master, replica, sentinel, masterName: MASTER_NAME, sentinels: [`127.0.0.1:${sentinel.port}`], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function watched(masterPort: number, password: string | undefined): Record<string, string> {
  return {
    [`sentinel monitor ${MASTER_NAME} 127.0.0.1`]: `${masterPort} 1`,
    [`sentinel down-after-milliseconds ${MASTER_NAME}`]: '1000',
    [`sentinel failover-timeout ${MASTER_NAME}`]: '5000',
    ...(password === undefined ? {} : { [`sentinel auth-pass ${MASTER_NAME}`]: password }),
  };
}

async function untilWatched(master: Redis, sentinel: Redis, password: string | undefined): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const replication = await askRedis(master.port, 'INFO replication', password);
    const watching = await askRedis(sentinel.port, 'INFO sentinel');
    if (/slave0:.*state=online/.test(replication) && /status=ok.*slaves=1/.test(watching)) return;
    await delay(POLL_MS);
  }
  throw new LocalServiceError('not_started', `The sentinel did not find master and replica: see ${sentinel.logFile}.`);
}

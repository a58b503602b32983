/** The driver: one client for a server, a Cluster, or a master behind Sentinels. */
import { readFileSync } from 'node:fs';
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { RedisWindowsError } from './error.ts';
import type { RedisWindowsOptions } from './options.ts';

export interface ApplyCommand {
  applyWindowBuffer(marker: string, ...args: readonly (string | Buffer | number)[]): Promise<readonly unknown[]>;
}

export type Client = (Redis | Cluster) & ApplyCommand;

const SCRIPT = readFileSync(new URL('./apply.lua', import.meta.url), 'utf8');
const TIMEOUT_MS = 5_000;
const LONGEST_WAIT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;

/** Connects in the background: a call fails while there is no connection. @throws RedisWindowsError where the options name no Redis, or two */
export function connect(options: RedisWindowsOptions): Client {
  const ways = [options.url, options.nodes, options.sentinels].filter((way) => way !== undefined);
  if (ways.length !== 1) throw new RedisWindowsError('redis_fault', 'Name one way to Redis: url, nodes, or sentinels with master.');
  const client = options.nodes !== undefined ? new Cluster(options.nodes.map(address), clusterOptions(options)) : single(options);
  client.defineCommand('applyWindow', { numberOfKeys: 1, lua: SCRIPT });
  // Each call says for itself what it met: without a listener the driver would print.
  client.on('error', () => {});
  return client as unknown as Client;
}

function single(options: RedisWindowsOptions): Redis {
  const common = redisOptions(options);
  if (options.url !== undefined) return new Redis(options.url, common);
  const { sentinels = [], master, tls } = options;
  if (master === undefined) throw new RedisWindowsError('redis_fault', 'Sentinels are asked for a master by its name: say which.');
  return new Redis({
    ...common,
    sentinels: sentinels.map(address),
    name: master,
    ...(tls !== undefined && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
  });
}

function redisOptions({ username, password, tls, timeoutMs = TIMEOUT_MS }: RedisWindowsOptions) {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls }),
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    // The loop tries again: a call that waited for a connection of its own would be tried twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 10), LONGEST_WAIT_MS),
    // A replica that was the master answers READONLY: the next connection asks who is.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions;
}

function clusterOptions(options: RedisWindowsOptions) {
  const { retryStrategy, enableOfflineQueue, ...each } = redisOptions(options);
  return {
    enableOfflineQueue,
    clusterRetryStrategy: retryStrategy,
    slotsRefreshTimeout: options.timeoutMs ?? TIMEOUT_MS,
    redisOptions: each,
  } satisfies ClusterOptions;
}

function address(text: string): { readonly host: string; readonly port: number } {
  const at = text.lastIndexOf(':');
  const port = Number(text.slice(at + 1));
  if (at < 1 || !Number.isInteger(port)) throw new RedisWindowsError('redis_fault', `${JSON.stringify(text)} is no host:port.`);
  return { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port };
}

/** Servers that hold keys: each has its own memory. */
export function mastersOf(client: Client): readonly Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client];
}

/** Resolves once the driver, which connects in the background, has done so. @throws what it met last, after five seconds */
export async function connected(client: Client): Promise<void> {
  if (client.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    let last: unknown = new Error(`no connection within ${CONNECT_TIMEOUT_MS} ms`);
    const timer = setTimeout(() => reject(last), CONNECT_TIMEOUT_MS);
    client.on('error', (error) => {
      last = error;
    });
    client.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

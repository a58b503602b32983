/** What every service can be put through, on the quickest of them. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { LocalServiceError, type Redis, startClickHouse, startPostgres, startRedis, startRegistry } from '../src/index.ts';
import { isPostgresReady } from '../src/postgres-probe.ts';
import { runningProcesses } from '../src/process-table.ts';
import { askRedis } from '../src/redis/ask.ts';
import { until } from './until.ts';

const started: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.stop()));
});

function keep<S extends { stop(): Promise<void> }>(service: S): S {
  started.push(service);
  return service;
}

const conditionOf = (pid: number | undefined) => execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim();
const get = (redis: Redis, key: string) => askRedis(redis.port, `GET ${key}`);

test('a service that was killed has its port and its data after a restart', async () => {
  const redis = keep(await startRedis({ appendOnly: 'always' }));
  await askRedis(redis.port, 'SET paid yes');
  const { pid, port } = redis;
  await redis.kill();
  expect(redis.pid).toBeUndefined();
  await expect(askRedis(port, 'PING')).rejects.toThrow('did not answer');
  await redis.restart();
  expect(redis.pid).not.toBe(pid);
  expect(redis.port).toBe(port);
  expect(await get(redis, 'paid')).toBe('$3\r\nyes\r\n');
});

test('a paused service is still there and does nothing, until it is resumed', async () => {
  const redis = keep(await startRedis());
  await redis.pause();
  await until('it is stopped', () => conditionOf(redis.pid).startsWith('T'));
  const answer = askRedis(redis.port, 'PING').then(
    () => 'answered',
    () => 'silent',
  );
  expect(await answer).toBe('silent');
  await redis.resume();
  expect(await askRedis(redis.port, 'PING')).toBe('+PONG\r\n');
});

test('a paused service can be stopped, and its passing folder goes with it', async () => {
  const redis = await startRedis();
  const { pid } = redis;
  await redis.pause();
  await redis.stop();
  await redis.stop();
  expect(existsSync(redis.folder)).toBe(false);
  expect((await runningProcesses()).filter((running) => running.pid === pid)).toEqual([]);
  await expect(redis.restart()).rejects.toThrow('was stopped, and its passing folder with it');
});

test('a service that cannot start says so with the end of its log', async () => {
  const failure = await startRedis({ settings: { 'no-such-directive': 'yes' } }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(LocalServiceError);
  expect(failure).toMatchObject({ code: 'not_started' });
  expect(String(failure)).toContain('no-such-directive');
});

test('a password is asked for, memory is bounded, and nothing is evicted unless that is wished', async () => {
  const redis = keep(await startRedis({ password: 'letmein1', maxMemory: '64mb', appendOnly: 'off', tls: true }));
  await expect(askRedis(redis.port, 'GET x')).rejects.toThrow('NOAUTH');
  expect(await askRedis(redis.port, 'INFO memory', 'letmein1')).toMatch(/maxmemory:67108864[\s\S]*maxmemory_policy:noeviction/);
  expect(await askRedis(redis.port, 'INFO persistence', 'letmein1')).toContain('aof_enabled:0');
  expect(redis.tlsUrl).toMatch(/^rediss:\/\/127\.0\.0\.1:\d+$/);
});

test('the ClickHouse engine keeps address, password and rows over a kill', async () => {
  const clickhouse = keep(await startClickHouse());
  const { url } = clickhouse;
  const query = async (text: string) => {
    const response = await fetch(url, {
      method: 'POST',
      body: text,
      headers: { 'X-ClickHouse-User': clickhouse.username, 'X-ClickHouse-Key': clickhouse.password },
    });
    const answer = await response.text();
    if (!response.ok) throw new Error(answer);
    return answer.trim();
  };
  await query('CREATE TABLE seen (id UInt32) ENGINE = MergeTree ORDER BY id');
  await query('INSERT INTO seen VALUES (7)');
  await clickhouse.kill();
  await expect(query('SELECT 1')).rejects.toThrow('fetch failed');
  await clickhouse.restart();
  expect(clickhouse.url).toBe(url);
  expect(await query('SELECT id FROM seen')).toBe('7');
});

test('the registry gives the same ids after a kill where its schemas are durable', { timeout: 180_000 }, async () => {
  const registry = keep(await startRegistry({ durable: true }));
  const register = async () => {
    const response = await fetch(`${registry.url}/subjects/paid/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ schema: '{"type":"string"}' }),
    });
    return ((await response.json()) as { id?: number }).id;
  };
  const id = await register();
  expect(id).toEqual(expect.any(Number));
  await registry.kill();
  await registry.restart();
  expect(await (await fetch(`${registry.url}/subjects`)).json()).toEqual(['paid']);
  expect(await register()).toBe(id);
});

test('PostgreSQL comes back on its port after a kill', { timeout: 180_000 }, async () => {
  const postgres = keep(await startPostgres());
  const { port } = postgres;
  await postgres.kill();
  await postgres.restart();
  expect(postgres.port).toBe(port);
  expect(await isPostgresReady(port, postgres.username, postgres.database)).toBe(true);
});

/** Workflows that are taken out of Redis: every page of theirs, of every window, and nobody else's. */
import { startRedis, startRedisCluster } from '@idemtrace/local-services';
import { eventKey } from '@idemtrace/schemas';
import { Cluster, Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { factOf, historiesOf } from '../src/domain/fact.ts';
import type { PlacedFact, WindowStore } from '../src/windows/port.ts';
import { connectRedisWindows, eraseRedisWindows, type RedisWindowsOptions } from '../src/windows/redis/index.ts';
import { call } from './story.ts';

const WINDOW_MS = 86_400_000;
const ERASED = eventKey('acme', 'to go');
const KEPT = eventKey('globex', 'to stay');

/** Facts of both workflows in two partitions and windows of two lengths, in pages so small that they are split. */
async function filled(options: Omit<RedisWindowsOptions, 'windowMs'>): Promise<void> {
  const facts = [ERASED, KEPT].flatMap((workflow) =>
    Array.from({ length: 80 }, (_, offset): PlacedFact => {
      const event = call('succeeded', { execution: `${workflow} ${offset}`, run: 'run-1', step: offset, input: `input ${offset}` });
      const positioned = { event, partition: 0, offset, logTime: offset, contentDigest: 1 };
      return { workflow, histories: historiesOf(event), fact: factOf(positioned) };
    }),
  );
  for (const windowMs of [WINDOW_MS, 2 * WINDOW_MS]) {
    const store: WindowStore = await connectRedisWindows({ ...options, windowMs, pageBytes: 1024 });
    for (const partition of [0, 1]) {
      const windowId = `w${windowMs}`;
      await store.begin(partition, { windowId, lo: 0, committed: 0, completeFrom: 0 });
      for (let from = 0; from < facts.length; from += 20) {
        const batch = { partition, windowId, from, to: from + 20, committed: from, facts: facts.slice(from, from + 20) };
        expect(await store.apply(batch)).toMatchObject({ status: 'applied' });
      }
    }
    await store.close();
  }
}

async function keysOf(client: Redis | Cluster): Promise<readonly string[]> {
  const servers = client instanceof Cluster ? client.nodes('master') : [client];
  return (await Promise.all(servers.map((server) => server.keys('*')))).flat().toSorted();
}

async function expectErased(options: Omit<RedisWindowsOptions, 'windowMs'>, client: Redis | Cluster) {
  await filled(options);
  const before = await keysOf(client);
  const { found, left, appendOnlyFile } = await eraseRedisWindows(options, [ERASED, eventKey('acme', 'unknown')]);
  const after = await keysOf(client);
  expect({ found, left }).toEqual({ found: before.length - after.length, left: 0 });
  expect(found).toBeGreaterThan(8);
  expect(await eraseRedisWindows(options, [ERASED])).toMatchObject({ found: 0, left: 0 });
  const { found: kept } = await eraseRedisWindows(options, [KEPT]);
  expect(kept).toBeGreaterThan(3);
  expect(await keysOf(client)).toEqual(before.filter((key) => key.endsWith(':marker')));
  return appendOnlyFile;
}

test('one server: pages go, and its append-only file is written anew', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  expect(await expectErased({ url: redis.url }, client)).toBe('rewritten');
});

test('a server without an append-only file has none to write, and one that would evict is erased from all the same', async () => {
  const redis = await startRedis({ appendOnly: 'off' });
  onTestFinished(() => redis.stop());
  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  await filled({ url: redis.url });
  await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
  expect(await eraseRedisWindows({ url: redis.url }, [ERASED])).toMatchObject({ left: 0, appendOnlyFile: 'none' });
});

test('a Cluster: pages go from the node that has them', async () => {
  const cluster = await startRedisCluster();
  onTestFinished(() => cluster.stop());
  const [host = '', port = ''] = (cluster.addresses[0] ?? '').split(':');
  const client = new Cluster([{ host, port: Number(port) }]);
  onTestFinished(() => client.disconnect());
  await expectErased({ nodes: cluster.addresses }, client);
});

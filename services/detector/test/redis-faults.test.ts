/** The loop over Redis: what is lost there is noticed, and rebuilt from the log; what is away is waited for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Redis as LocalRedis, startRedis, startRedisCluster, startRedisSentinel } from '@idemtrace/local-services';
import { type Alert, createCodec, EMPTY_POLICY, eventKey, fileRegistry, PolicyLookup } from '@idemtrace/schemas';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDetector } from '../src/detector.ts';
import { MemoryWindows } from '../src/windows/memory/memory-windows.ts';
import type { WindowStore } from '../src/windows/port.ts';
import { connectRedisWindows, type RedisWindowsOptions } from '../src/windows/redis/index.ts';
import { hotStory } from './stories.ts';

const TOPICS = { events: 'events', alerts: 'alerts', deadLetters: 'dead-letters' };
const PARTITIONS = 2;
const WINDOW_MS = 86_400_000;

let server: LocalRedis;
let admin: Redis;
let expected: readonly string[];

beforeAll(async () => {
  server = await startRedis({ appendOnly: 'off' });
  admin = new Redis(server.url);
  admin.on('error', () => {});
  ({ alerts: expected } = await run(new MemoryWindows({ windowMs: WINDOW_MS })));
  expect(expected.length).toBeGreaterThan(100);
});
afterAll(async () => {
  admin?.disconnect();
  await server?.stop();
});

/** Alerts of two workflows, one in each partition, judged by the real loop. `disturb` is called before the n-th batch is applied. */
async function run(windows: WindowStore, disturb: (n: number) => Promise<unknown> = async () => {}) {
  const folder = await mkdtemp(join(tmpdir(), 'idemtrace-redis-'));
  const codec = await createCodec({ registry: fileRegistry() });
  const log = await openEmbeddedLog({ path: folder, synchronous: 'normal' });
  await log.createTopics(
    Object.values(TOPICS).map((name) => ({ name, partitions: PARTITIONS })),
    [{ topic: TOPICS.events, group: 'detector' }],
  );
  const records = hotStory(90, 1).flatMap(({ event }) =>
    ['a', 'b', 'c'].map((workflowId) => {
      const value = { ...event.value, workflowId };
      return { key: eventKey(value.tenantId, workflowId), value: codec.encode(event.name as 'RunEvent', value as never) };
    }),
  );
  await log.append(TOPICS.events, records);
  let applies = 0;
  const detector = await startDetector({
    log,
    codec,
    topics: TOPICS,
    group: 'detector',
    windowMs: WINDOW_MS,
    maxRecords: 20,
    policy: () => new PolicyLookup(EMPTY_POLICY),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms / 10)),
    windows: {
      marker: (partition, windowId) => windows.marker(partition, windowId),
      begin: (partition, marker) => windows.begin(partition, marker),
      apply: async (batch) => {
        applies += 1;
        await disturb(applies);
        return windows.apply(batch);
      },
      close: () => windows.close(),
    },
  });
  const isJudged = async () => {
    const [bounds, committed] = await Promise.all([log.bounds(TOPICS.events), log.committed(TOPICS.events, 'detector')]);
    return bounds.every(({ high }, partition) => (committed[partition] ?? 0) >= high);
  };
  while (!(await Promise.race([isJudged(), detector.done.then(() => true)]))) await new Promise((resolve) => setTimeout(resolve, 20));
  const alerts: string[] = [];
  for await (const record of log.tail(TOPICS.alerts)) {
    const [decoded] = await codec.decode([record]);
    if (decoded?.ok !== true) throw new Error('undecodable output');
    const { alertId, revision, severity, cause } = decoded.record.value as Alert;
    alerts.push([alertId, revision, severity, cause].join(' '));
  }
  const { counters } = detector.status();
  await detector.close();
  await windows.close();
  await log.close();
  await rm(folder, { recursive: true, force: true });
  return { alerts: alerts.sort(), counters };
}

const connected = (options: Partial<RedisWindowsOptions> = {}) => connectRedisWindows({ url: server.url, windowMs: WINDOW_MS, ...options });
const once = (at: number, act: () => Promise<unknown>) => {
  let isDone = false;
  return async (n: number) => {
    if (n < at || isDone) return;
    isDone = true;
    await act();
  };
};

test('over Redis the loop finds what it finds over memory', async () => {
  expect((await run(await connected())).alerts).toEqual(expected);
});

test('W5: every key is gone in mid-run, and the windows are rebuilt', async () => {
  const { alerts, counters } = await run(
    await connected(),
    once(9, () => admin.flushall()),
  );
  expect(alerts).toEqual(expected);
  expect(counters.rebuilds).toBe(2 * PARTITIONS);
});

test('W5: the marker of one partition is lost, and that one is rebuilt', async () => {
  const forget = async () => {
    const [marker] = (await admin.keys('*:marker')).filter((key) => key.includes(':0}'));
    if (marker !== undefined) await admin.del(marker);
  };
  await admin.flushall();
  const { alerts, counters } = await run(await connected(), once(9, forget));
  expect(alerts).toEqual(expected);
  expect(counters.rebuilds).toBe(PARTITIONS + 1);
});

test('W5, W7: Redis is killed and comes back with an older dump', async () => {
  await admin.flushall();
  let saved = 0;
  const disturb = async (n: number) => {
    if (n === 6) saved = await admin.save().then(() => n);
    if (n !== 12) return;
    await server.kill();
    void server.restart();
  };
  const { alerts } = await run(await connected({ timeoutMs: 1_000 }), disturb);
  expect(saved).toBe(6);
  expect(alerts).toEqual(expected);
});

test('W7: a Redis that hangs is waited for, and what is in doubt is applied again', async () => {
  const hang = async () => {
    await server.pause();
    setTimeout(() => void server.resume(), 1_500);
  };
  const { alerts } = await run(await connected({ timeoutMs: 300 }), once(7, hang));
  expect(alerts).toEqual(expected);
});

test('a script that Redis has forgotten is sent again', async () => {
  expect((await run(await connected(), (n) => (n % 5 === 0 ? admin.script('FLUSH') : Promise.resolve()))).alerts).toEqual(expected);
});

test('what a window left behind is removed when it is begun anew', async () => {
  await admin.flushall();
  const store = await connected();
  await run(store);
  const again = await connected();
  const before = await admin.dbsize();
  expect(before).toBeGreaterThan(PARTITIONS);
  for (const key of await admin.keys('*:marker')) {
    const { windowId = '' } = await admin.hgetall(key);
    for (const partition of [0, 1]) await again.begin(partition, { windowId, lo: 0, committed: 0, completeFrom: 0 });
  }
  await expect.poll(() => admin.dbsize(), { timeout: 20_000 }).toBe(PARTITIONS);
  await again.close();
});

describe('a Redis that evicts', () => {
  test('is refused at the start, by name', async () => {
    const evicting = await startRedis({ appendOnly: 'off', maxMemoryPolicy: 'allkeys-lru', maxMemory: '64mb' });
    await expect(connectRedisWindows({ url: evicting.url, windowMs: WINDOW_MS })).rejects.toMatchObject({ code: 'evicts_keys' });
    await evicting.stop();
  });

  test('later on is told of, and waited for until it is mended', async () => {
    const told: string[] = [];
    const store = await connected({ watchMs: 20, report: (message) => told.push(message) });
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect.poll(() => told.length, { timeout: 20_000 }).toBe(1);
    await expect(store.marker(0, 'w')).rejects.toMatchObject({ code: 'away' });
    expect(store.status().ready).toBe(false);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    await expect.poll(() => store.status().ready, { timeout: 20_000 }).toBe(true);
    expect(store.status().usedBytes).toBeGreaterThan(100_000);
    await store.close();
  });
});

describe('ways to Redis', () => {
  test('a Cluster of three nodes', async () => {
    const cluster = await startRedisCluster({ appendOnly: 'off' });
    const windows = await connectRedisWindows({ nodes: cluster.addresses, windowMs: WINDOW_MS });
    expect((await run(windows)).alerts).toEqual(expected);
    await cluster.stop();
  });

  test('Sentinel, a password, and a failover in mid-run', async () => {
    const sentinel = await startRedisSentinel({ password: 'secret' });
    const { sentinels, masterName } = sentinel;
    const windows = await connectRedisWindows({ sentinels, master: masterName, password: 'secret', windowMs: WINDOW_MS, timeoutMs: 1_000 });
    expect(
      (
        await run(
          windows,
          once(9, () => sentinel.master.kill()),
        )
      ).alerts,
    ).toEqual(expected);
    await sentinel.stop();
  }, 120_000);

  test('TLS and a password; without it the user is refused, and the password is in no message', async () => {
    const secure = await startRedis({ tls: true, password: 'secret' });
    const tls = { ca: await import('node:fs').then(({ readFileSync }) => readFileSync(secure.certificates?.ca ?? '', 'utf8')) };
    const url = secure.tlsUrl ?? '';
    const windows = await connectRedisWindows({ url, password: 'secret', tls, windowMs: WINDOW_MS });
    expect((await run(windows)).alerts).toEqual(expected);
    const refused = connectRedisWindows({ url, password: 'wrong', tls, windowMs: WINDOW_MS });
    await expect(refused).rejects.toMatchObject({ code: 'denied', message: expect.not.stringContaining('wrong') });
    await secure.stop();
  });

  test('one that is not there is waited for', async () => {
    const windows = await connectRedisWindows({ url: 'redis://127.0.0.1:1', windowMs: WINDOW_MS });
    await expect(windows.marker(0, 'w')).rejects.toMatchObject({ code: 'away' });
    await windows.close();
  });
});

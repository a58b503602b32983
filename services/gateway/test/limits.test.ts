import { LogError } from '@idemtrace/stream';
import { expect, test } from 'vitest';
import { UnderWay } from '../src/admission.ts';
import { RateLimiter } from '../src/rate.ts';
import { event, json, post, world } from './world.ts';

test('a bucket lets a burst through, then what its rate refills', () => {
  let now = 0;
  const rate = new RateLimiter({ eventsPerSecond: 10, burst: 50 }, 1, () => now);
  expect(rate.take('acme', 50)).toBeUndefined();
  expect(rate.take('acme', 1)).toBe(1);
  expect(rate.take('acme', 25)).toBe(3);
  now = 2_000;
  expect(rate.take('acme', 21)).toBe(1);
  expect(rate.take('acme', 20)).toBeUndefined();
  now = 1_000_000;
  rate.giveBack('acme', 5);
  expect(rate.take('acme', 51)).toBe(1);
  expect(rate.take('acme', 50)).toBeUndefined();
});

test('T1: one tenant’s flood takes nothing from another, and a tenant may have a rate of its own', () => {
  const rate = new RateLimiter({ eventsPerSecond: 1, burst: 10, tenants: new Map([['big', { eventsPerSecond: 100 }]]) }, 1000, () => 0);
  expect(rate.take('acme', 10)).toBeUndefined();
  expect(rate.take('acme', 1)).toBe(1);
  expect(rate.take('globex', 10)).toBeUndefined();
  expect([rate.burstOf('big'), rate.burstOf('acme')]).toEqual([1000, 10]);
});

test('over its rate a tenant is told how long to wait', async () => {
  const it = world({ rate: { eventsPerSecond: 0.01, burst: 3, tenants: new Map([['globex', { eventsPerSecond: 1 }]]) } });
  expect(await post(it, json(event(), event()))).toMatchObject({ status: 200 });
  const over = await post(it, json(event(), event()));
  expect(over).toMatchObject({ status: 429, body: { error: 'over_rate' } });
  expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(50);
  // What was refused has cost nothing.
  expect(await post(it, json(event()))).toMatchObject({ status: 200 });
  expect(await post(it, json(event()))).toMatchObject({ status: 429 });
  expect(await post(it, json(event({ tenantId: 'globex' })), { authorization: 'Bearer key-of-globex' })).toMatchObject({ status: 200 });
  expect(it.appended).toHaveLength(4);
});

test('what is no batch is not free', async () => {
  const it = world({ rate: { eventsPerSecond: 0.01, burst: 2 } });
  expect(await post(it, 'no json')).toMatchObject({ status: 400 });
  expect(await post(it, json(5))).toMatchObject({ status: 400 });
  expect(await post(it, 'no json')).toMatchObject({ status: 429 });
});

test('what the log did not take costs nothing', async () => {
  const it = world({ rate: { eventsPerSecond: 0.01, burst: 2 }, append: () => Promise.reject(new LogError('log_away', 'away')) });
  for (let i = 0; i < 4; i++) expect(await post(it, json(event(), event()))).toMatchObject({ status: 503 });
});

test('a batch that no waiting would let through is to be split', async () => {
  const it = world({ rate: { eventsPerSecond: 1, burst: 2 } });
  expect(await post(it, json(event(), event(), event()))).toMatchObject({ status: 413, body: { error: 'too_many' } });
});

test('requests under way are bounded, of all and of one tenant', () => {
  const underWay = new UnderWay({ total: 3, perTenant: 2 });
  const [first, second] = [underWay.enter('acme'), underWay.enter('acme')];
  expect([first, second].every((leave) => leave !== undefined)).toBe(true);
  expect(underWay.enter('acme')).toBeUndefined();
  expect(underWay.enter('globex')).toBeDefined();
  expect(underWay.enter('initech')).toBeUndefined();
  first?.();
  expect(underWay.count).toBe(2);
  expect(underWay.enter('acme')).toBeDefined();
});

test('while as many requests as may be wait for the log, others are told to come again', async () => {
  const log = Promise.withResolvers<void>();
  const it = world({ underWay: { total: 2, perTenant: 1 }, append: () => log.promise });
  const waiting = post(it, json(event()));
  await expect.poll(() => it.gateway.status().underWay).toBe(1);
  const busy = await post(it, json(event()));
  expect(busy).toMatchObject({ status: 503, body: { error: 'busy' } });
  expect(busy.headers.get('retry-after')).toBe('1');
  log.resolve();
  expect(await waiting).toMatchObject({ status: 200 });
  expect(await post(it, json(event()))).toMatchObject({ status: 200 });
});

test('a body that breaks off, or does not come in time, gives its place back', async () => {
  const it = world({ bodyTimeoutMs: 20 });
  const never = new ReadableStream({});
  expect(await post(it, never)).toMatchObject({ status: 408, body: { error: 'slow_body' } });
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) });
  expect(await post(it, broken)).toMatchObject({ status: 400, body: { detail: 'The body broke off.' } });
  expect(it.faults).toEqual([]);
  expect(it.gateway.status().underWay).toBe(0);
});

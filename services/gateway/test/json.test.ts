import { deflateSync, gzipSync } from 'node:zlib';
import { toJson } from '@idemtrace/schemas';
import { LogError } from '@idemtrace/stream';
import { expect, test } from 'vitest';
import { createGateway, MOST_BODY_BYTES, MOST_EVENTS } from '../src/index.ts';
import { codec, decoded, event, json, KEYS, post, world } from './world.ts';

test('a batch is in the log, in order and under its workflow’s key, when it is answered', async () => {
  const it = world();
  const ended = { ...event({ phase: 'ended', status: 'succeeded', sequence: 1 }), headers: { traceparent: '00-x' } };
  expect(await post(it, json(event(), ended))).toMatchObject({ status: 200, body: { accepted: 2 } });
  expect(it.appended.map(({ key }) => key)).toEqual(['acme/invoice-run', 'acme/invoice-run']);
  expect(it.appended[1]?.headers?.traceparent?.toString()).toBe('00-x');
  expect((await decoded(it.appended)).map((each) => each.ok && toJson(each.record).phase)).toEqual(['started', 'ended']);
  expect(it.gateway.status()).toMatchObject({ underWay: 0, counters: { requests: { 200: 1 }, events: 2 } });
});

test('a batch without events is taken, and the log not troubled', async () => {
  const it = world({ append: () => Promise.reject(new LogError('log_away', 'away')) });
  expect(await post(it, json())).toMatchObject({ status: 200, body: { accepted: 0 } });
});

test('T1: without a key, or with one that nobody has, nothing is taken', async () => {
  const it = world();
  for (const authorization of ['', 'Bearer', 'Bearer nobody', 'Basic key-of-acme', 'Bearer key-of-acm', 'Bearer key-of-acmee']) {
    const answer = await post(it, json(event()), { authorization });
    expect(answer).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  }
  expect(it.appended).toEqual([]);
});

test('T1: one event of another tenant refuses the whole batch, and is named', async () => {
  const it = world();
  expect(await post(it, json(event(), event({ tenantId: 'globex' })))).toMatchObject({
    status: 403,
    body: { error: 'foreign_tenant', errors: [{ index: 1, path: 'events[1].value.tenantId', reason: 'foreign_tenant' }] },
  });
  expect(it.appended).toEqual([]);
});

test('T1: one key for two tenants is a mistake of the operator’s, told at the start and without the key', () => {
  const keys = [...KEYS, { tenantId: 'globex', key: 'key-of-acme' }];
  const options = { codec, keys, topic: 't', log: { append: async () => [] }, ready: async () => ({ ready: true, waitingFor: null }) };
  expect(() => createGateway(options)).toThrow(expect.objectContaining({ code: 'ambiguous_key' }));
  expect(() => createGateway(options)).toThrow(expect.not.stringContaining('key-of-acme'));
  expect(() => createGateway({ ...options, keys: [...KEYS, ...KEYS] })).not.toThrow();
});

test('P1: every mistake of every event is an entry of its own, by index and field, without a value', async () => {
  const it = world();
  const headers = [
    { 'SECRET-4711': '' },
    { a: 5 },
    'secret-4711',
    { a: '\ud800' },
    Object.fromEntries(
      Array(17)
        .fill(0)
        .map((_, i) => [`h${i}`, '']),
    ),
  ];
  const events = [
    event({ attempt: 0, runId: '' }),
    5,
    { name: 'Alert', value: {} },
    event({ canary: 'secret-4711' }),
    { ...event({ attempt: 'secret-4711' }), extra: 'secret-4711' },
    ...headers.map((each) => ({ ...event(), headers: each })),
  ];
  const { status, body } = await post(it, json(...events));
  expect(status).toBe(400);
  expect(body.errors?.map(({ index, path, reason }) => [index, path, reason])).toEqual([
    [0, 'events[0].value.runId', 'empty_id'],
    [0, 'events[0].value.attempt', 'below_minimum'],
    [1, 'events[1]', 'wrong_shape'],
    [2, 'events[2]', 'unexpected_record'],
    [3, 'events[3].value.canary', 'wrong_shape'],
    [4, 'events[4]', 'wrong_shape'],
    [4, 'events[4].value.attempt', 'wrong_shape'],
    ...headers.map((_, i) => [5 + i, `events[${5 + i}].headers`, 'wrong_shape']),
  ]);
  expect(JSON.stringify(body)).not.toMatch(/secret-4711/i);
  expect(it.appended).toEqual([]);
});

test('a small request makes no large answer: mistakes beyond a thousand are counted', async () => {
  const { status, body } = await post(world(), json(...Array(MOST_EVENTS).fill(event({ runId: '', attempt: 0, sequence: -1 }))));
  expect([status, body.errors?.length, body.omitted]).toEqual([400, 1000, 2000]);
});

test.each(['', 'no json', '[]', '{"events":5}', '{}', '{"events":[],"more":1}', 'null', '"\ud800"'])(
  'a body that is no batch is told what one looks like: %s',
  async (body) => {
    expect(await post(world(), body)).toMatchObject({
      status: 400,
      body: { error: 'invalid', detail: expect.stringContaining('"events"') },
    });
  },
);

test('text that is not UTF-8 is refused, not mended', async () => {
  const bytes = Buffer.concat([Buffer.from('{"events":[],"'), Buffer.from([0xff]), Buffer.from('":1}')]);
  expect(await post(world(), bytes)).toMatchObject({ status: 400 });
});

test('a batch that is too large in events or bytes is refused', async () => {
  const it = world();
  expect(await post(it, json(...Array(MOST_EVENTS + 1).fill(event())))).toMatchObject({ status: 413, body: { error: 'too_many' } });
  expect(await post(it, `{"events":["${'x'.repeat(MOST_BODY_BYTES)}"]}`)).toMatchObject({ status: 413, body: { error: 'too_large' } });
  expect(await post(it, '', { 'content-length': String(MOST_BODY_BYTES + 1) })).toMatchObject({ status: 413 });
});

test('an event that the log takes for too large refuses the batch for good, not for now', async () => {
  const it = world({ append: () => Promise.reject(new LogError('record_too_large', 'too large')) });
  expect(await post(it, json(event()))).toMatchObject({ status: 413, body: { error: 'too_large' } });
});

test('compressed bodies are read, and bounded by what they come to', async () => {
  const it = world();
  const body = Buffer.from(json(event()));
  expect(await post(it, gzipSync(body), { 'content-encoding': 'gzip' })).toMatchObject({ status: 200 });
  expect(await post(it, deflateSync(body), { 'content-encoding': 'DEFLATE' })).toMatchObject({ status: 200 });
  const bomb = gzipSync(Buffer.alloc(MOST_BODY_BYTES + 1, ' '));
  expect(bomb.length).toBeLessThan(10_000);
  expect(await post(it, bomb, { 'content-encoding': 'gzip' })).toMatchObject({ status: 413, body: { error: 'too_large' } });
  expect(await post(it, body, { 'content-encoding': 'gzip' })).toMatchObject({ status: 400 });
  expect(await post(it, gzipSync(body).subarray(0, -9), { 'content-encoding': 'gzip' })).toMatchObject({ status: 400 });
});

test.each([
  { 'content-type': 'text/plain' },
  { 'content-type': '' },
  { 'content-type': 'application/json; charset=utf-16' },
  { 'content-type': 'constructor' },
  { 'content-encoding': 'br' },
  { 'content-encoding': 'gzip, gzip' },
])('what is not read is told: %o', async (headers) => {
  const answer = await post(world(), json(event()), headers as Record<string, string>);
  expect(answer).toMatchObject({ status: 415, body: { error: 'unsupported_type' } });
  expect(answer.headers.get('accept-encoding')).toBe('gzip, deflate');
});

test('a content type may say its charset', async () => {
  expect(await post(world(), json(event()), { 'content-type': 'Application/JSON ; charset="UTF-8"' })).toMatchObject({ status: 200 });
});

test('W7: while the log is away the sender is told to come again, and what is away is told to the operator', async () => {
  for (const code of ['log_away', 'log_full', 'unknown_topic', 'closed'] as const) {
    const fault = new LogError(code, 'the log is away');
    const it = world({ append: () => Promise.reject(fault) });
    const answer = await post(it, json(event()));
    expect(answer).toMatchObject({ status: 503, body: { error: 'unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(it.faults).toEqual([fault]);
  }
});

test('W7: a log that does not answer in time is no lost batch: the sender comes again', async () => {
  const log = Promise.withResolvers<void>();
  const it = world({ append: () => log.promise, appendTimeoutMs: 20 });
  expect(await post(it, json(event()))).toMatchObject({ status: 503, body: { error: 'unavailable' } });
  // Its place is taken until the log is done with it.
  expect(it.gateway.status().underWay).toBe(1);
  log.resolve();
  await expect.poll(() => it.gateway.status().underWay).toBe(0);
});

test('a fault of the gateway’s own says nothing of what it is', async () => {
  const fault = new TypeError('secret-4711');
  const it = world({ append: () => Promise.reject(fault) });
  expect(await post(it, json(event()))).toMatchObject({ status: 500, body: { error: 'fault', detail: 'The gateway failed.' } });
  expect(it.faults).toEqual([fault]);
});

test('a request has an id: its own, or one made here; the operator is told it with a fault', async () => {
  const told: string[] = [];
  const it = world({ newId: () => 'made-here', append: () => Promise.reject(new Error('x')), onFault: (_, id) => told.push(id) });
  const idOf = async (id: string) => (await post(it, json(event()), { 'x-request-id': id })).headers.get('x-request-id');
  expect(await idOf('agent-7.a')).toBe('agent-7.a');
  expect(await idOf('a b')).toBe('made-here');
  expect(await idOf('x'.repeat(129))).toBe('made-here');
  expect(told).toEqual(['agent-7.a', 'made-here', 'made-here']);
});

test('health and readiness are two questions, and one that is about to end is not ready', async () => {
  const it = world({ ready: async () => ({ ready: false, waitingFor: 'the log' }) });
  expect((await it.gateway.request('/healthz')).status).toBe(200);
  const unready = await it.gateway.request('/readyz');
  expect([unready.status, await unready.json()]).toEqual([503, { ready: false, waitingFor: 'the log' }]);
  const ending = world();
  expect((await ending.gateway.request('/readyz')).status).toBe(200);
  ending.gateway.drain();
  const ended = await ending.gateway.request('/readyz');
  expect([ended.status, ended.headers.get('connection')]).toEqual([503, 'close']);
  expect(await post(ending, json(event()))).toMatchObject({ status: 200 });
});

test('every answered batch is told to whoever measures', async () => {
  const told: unknown[] = [];
  const it = world({ onRequest: ({ durationMs: _, requestId: __, ...rest }) => told.push(rest) });
  await post(it, json(event(), event()));
  await post(it, '', { 'content-type': 'text/plain' });
  await it.gateway.request('/readyz');
  expect(told).toEqual([
    { status: 200, format: 'json', events: 2 },
    { status: 415, format: undefined, events: 0 },
  ]);
});

test('another path is told what there is', async () => {
  expect((await world().gateway.request('/v2')).status).toBe(404);
});

import { type Codec, createCodec, fileRegistry, toJson } from '@idemtrace/schemas';
import { LogError, type NewRecord } from '@idemtrace/stream';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { createGateway, MOST_BODY_BYTES, MOST_EVENTS } from '../src/index.ts';

const KEYS = [
  { tenantId: 'acme', key: 'key-of-acme' },
  { tenantId: 'globex', key: 'key-of-globex' },
];
const RUN = {
  tenantId: 'acme',
  workflowId: 'invoice-run',
  runId: 'run-1',
  attempt: 1,
  phase: 'started',
  occurredAt: 1_760_000_000_000,
  emitterId: '018f2f6e-0000-7000-8000-000000000001',
  sequence: 0,
};

let codec: Codec;
let appended: NewRecord[];
let fault: Error | undefined;
let faults: unknown[];

beforeAll(async () => {
  codec = await createCodec({ registry: fileRegistry() });
});
beforeEach(() => {
  appended = [];
  faults = [];
  fault = undefined;
});

function gateway(ready = true) {
  return createGateway({
    log: {
      async append(_topic, records) {
        if (fault !== undefined) throw fault;
        appended.push(...records);
        return records.map((_, offset) => ({ partition: 0, offset }));
      },
    },
    codec,
    topic: 'events',
    keys: KEYS,
    ready: async () => ({ ready, waitingFor: ready ? null : 'the log' }),
    onFault: (error) => faults.push(error),
  });
}

async function post(body: unknown, authorization: string | undefined = 'Bearer key-of-acme') {
  const response = await gateway().request('/v1/events', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
}

const event = (value: object = {}) => ({ name: 'RunEvent', value: { ...RUN, ...value } });

test('a batch is in the log, in order and under its workflow’s key, when it is answered', async () => {
  const answer = await post({
    events: [event(), { ...event({ phase: 'ended', status: 'succeeded', sequence: 1 }), headers: { traceparent: '00-x' } }],
  });
  expect(answer).toMatchObject({ status: 200, body: { accepted: 2 } });
  expect(appended.map(({ key }) => key)).toEqual(['acme/invoice-run', 'acme/invoice-run']);
  expect(appended[1]?.headers?.traceparent?.toString()).toBe('00-x');
  const decoded = await codec.decode(appended.map(({ key, value }) => ({ key: Buffer.from(String(key)), value, logTime: RUN.occurredAt })));
  expect(decoded.map((each) => each.ok && toJson(each.record).phase)).toEqual(['started', 'ended']);
});

test('T1: without a key, or with one that nobody has, nothing is taken', async () => {
  for (const authorization of ['', 'Bearer', 'Bearer nobody', 'Basic key-of-acme', 'Bearer key-of-acm', 'Bearer key-of-acmee']) {
    expect(await post({ events: [event()] }, authorization)).toMatchObject({ status: 401, body: { error: 'unauthorized' } });
  }
  expect(appended).toEqual([]);
});

test('T1: one event of another tenant refuses the whole batch', async () => {
  const answer = await post({ events: [event(), event({ tenantId: 'globex' })] });
  expect(answer).toMatchObject({ status: 403, body: { error: 'foreign_tenant', indexes: [1] } });
  expect(appended).toEqual([]);
});

test('P1: every mistake is told by index and field, and no value', async () => {
  const events = [
    event({ attempt: 0, runId: '' }),
    5,
    { name: 'Alert', value: {} },
    event({ canary: 'secret-4711' }),
    { ...event(), extra: 'secret-4711' },
  ];
  const { status, body } = await post({ events });
  expect(status).toBe(400);
  const mistakes = body.errors as { path: string; message: string }[];
  expect(mistakes.map(({ path }) => path)).toEqual([0, 1, 2, 3, 4].map((index) => `events[${index}]`));
  expect(mistakes[0]?.message).toMatch(/runId.*attempt|attempt.*runId/);
  expect(JSON.stringify(body)).not.toContain('secret-4711');
  expect(appended).toEqual([]);
});

test.each(['no json', '[]', '{"events":5}', '{}'])('a body that is no batch is told what one looks like: %s', async (body) => {
  expect(await post(body)).toMatchObject({ status: 400, body: { error: 'invalid' } });
});

test('a batch that is too large in events or bytes is refused before it is read', async () => {
  expect(await post({ events: Array(MOST_EVENTS + 1).fill(event()) })).toMatchObject({ status: 413 });
  expect(await post(`{"events":["${'x'.repeat(MOST_BODY_BYTES)}"]}`)).toMatchObject({ status: 413 });
});

test('W7: while the log is away the sender is told to come again, and what is away is told to the operator', async () => {
  fault = new LogError('log_away', 'the log is away');
  const answer = await post({ events: [event()] });
  expect(answer).toMatchObject({ status: 503, body: { error: 'unavailable' } });
  expect(answer.headers.get('retry-after')).toBe('1');
  expect(faults).toEqual([fault]);
});

test('health and readiness are two questions', async () => {
  expect((await gateway(false).request('/healthz')).status).toBe(200);
  const unready = await gateway(false).request('/readyz');
  expect([unready.status, await unready.json()]).toEqual([503, { ready: false, waitingFor: 'the log' }]);
  expect((await gateway().request('/readyz')).status).toBe(200);
});

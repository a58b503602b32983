/** The SDK’s HTTP transport against the gateway: what each answer means to an agent’s emitter. */
import { afterEach, expect, test } from 'vitest';
import { httpTransport } from '../../emitter/src/http/index.ts';
import { createIdemtrace } from '../../emitter/src/index.ts';
import { MOST_EVENTS, type Served, serveGateway } from '../src/index.ts';
import { codec, world } from './world.ts';

const serving: Served[] = [];
afterEach(async () => {
  await Promise.all(serving.splice(0).map((served) => served.close()));
});

/** An agent of tenant acme that makes so many calls, 2 events each and 2 of its run, in batches as large as given. */
async function agent(
  it: ReturnType<typeof world>,
  calls: number,
  { apiKey = 'key-of-acme', tenantId = 'acme', batchEvents = MOST_EVENTS } = {},
) {
  const served = await serveGateway(it.gateway, { host: '127.0.0.1', port: 0 });
  serving.push(served);
  const warnings: string[] = [];
  const idemtrace = createIdemtrace({
    transport: httpTransport({ url: served.url, apiKey }),
    hashKey: { id: 'k1', secret: 'a secret of at least thirty-two bytes' },
    limits: { batchEvents, batchBytes: 64 * 1_048_576, maxBytes: 64 * 1_048_576, maxEvents: 100_000 },
    warn: (message) => warnings.push(message),
  });
  const look = idemtrace.tool('look_up', (input: { n: number }) => input.n, { effect: 'read' });
  idemtrace.run({ tenantId, workflowId: 'w' }, () => {
    for (let n = 0; n < calls; n++) look({ n });
  });
  await idemtrace.flush({ timeoutMs: 60_000 });
  const { counters } = idemtrace;
  await idemtrace.close();
  return { counters, warnings };
}

const sequencesOf = async (it: ReturnType<typeof world>) => {
  const decoded = await codec.decode(it.appended.map(({ key, value }) => ({ key: Buffer.from(String(key)), value, logTime: 0 })));
  return decoded.map((each) => (each.ok && 'sequence' in each.record.value ? each.record.value.sequence : -1));
};

test('413: a batch that is too large is divided until it fits, in order', async () => {
  const it = world();
  const { counters } = await agent(it, 1300, { batchEvents: 5000 });
  expect(counters).toMatchObject({ sent: 2602, rejected: 0, dropped: 0, retried: 0 });
  expect(await sequencesOf(it)).toEqual(Array.from({ length: 2602 }, (_, n) => n));
  expect(it.gateway.status().counters.requests).toEqual({ 413: 3, 200: 4 });
});

test('429: a sender over its rate waits as long as it is asked to, and loses nothing', async () => {
  const it = world({ rate: { eventsPerSecond: 40, burst: 40 } });
  const { counters } = await agent(it, 24, { batchEvents: 30 });
  expect(counters).toMatchObject({ sent: 50, rejected: 0 });
  expect(counters.retried).toBe(it.gateway.status().counters.requests[429] ?? 0);
  expect(await sequencesOf(it)).toEqual(Array.from({ length: 50 }, (_, n) => n));
  // Without its word the sender would have come again within a tenth of a second, and many times.
  expect(it.gateway.status().counters.requests[429]).toBeLessThan(5);
});

test.each([
  ['401', { apiKey: 'nobody' }, 'Send a key of a tenant'],
  ['403', { tenantId: 'globex' }, 'value.tenantId: not the tenant of the key'],
])('%s is not tried again, and the reason told', async (status, options, reason) => {
  const it = world();
  const { counters, warnings } = await agent(it, 1, options);
  expect(counters).toMatchObject({ sent: 0, rejected: 4, retried: 0 });
  expect(warnings).toMatchObject([expect.stringContaining(`events were refused: status ${status}: `)]);
  expect(warnings[0]).toContain(reason);
  expect(it.appended).toEqual([]);
});

test('503: what the log did not take is sent again until it does', async () => {
  let away = 2;
  const it = world({
    async append() {
      if (away-- > 0) throw new Error('away');
    },
  });
  expect((await agent(it, 3)).counters).toMatchObject({ sent: 8, retried: 2, rejected: 0 });
  expect(await sequencesOf(it)).toEqual(Array.from({ length: 8 }, (_, n) => n));
});

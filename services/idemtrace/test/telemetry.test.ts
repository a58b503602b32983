/** Telemetry of a pipeline that runs: what a collector receives, against the documented tables, in both directions. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { MemoryWindows, startDetector } from '@idemtrace/detector';
import { createGateway, serveGateway } from '@idemtrace/gateway';
import { createLineageSink, migrate, operatorSequenceGaps } from '@idemtrace/lineage';
import { createCodec, EMPTY_POLICY, fileRegistry, PolicyLookup } from '@idemtrace/schemas';
import { createIdemtrace } from '@idemtrace/sdk';
import { httpTransport } from '@idemtrace/sdk/http';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { trace } from '@opentelemetry/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestEngine, type TestEngine } from '../../lineage/test/support/engine.ts';
import type { Metric } from '../src/telemetry/metric.ts';
import { METRICS, metricNames } from '../src/telemetry/metrics.ts';
import { SPANS } from '../src/telemetry/spans.ts';
import { startTelemetry } from '../src/telemetry/start.ts';
import { type Receiver, startReceiver, withVariables } from './telemetry-receiver.ts';

const TOPICS = { events: 'events', alerts: 'alerts', deadLetters: 'dead-letters' };
const GROUPS = { detector: 'detector', sink: 'sink' };
const WINDOW_MS = 86_400_000;
const codec = await createCodec({ registry: fileRegistry() });

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine.stop());

interface Run {
  readonly receiver: Receiver;
  /** `traceparent` of the alerts’ records. */
  readonly alerts: readonly (string | undefined)[];
  readonly agentSpan: { readonly traceId: string; readonly spanId: string };
}

let runs = 0;

/** An agent charges twice over HTTP; one record is bad, one comes twice; all is judged and stored. Answers when telemetry has ended. */
async function run(traceparent?: string): Promise<Run> {
  const receiver = await startReceiver();
  const restore = withVariables({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_SERVICE_NAME: 'under-test',
  });
  try {
    const logged: unknown[] = [];
    const say = (fields: unknown, message: unknown) => void logged.push([fields, message]);
    const telemetry = await startTelemetry({ part: 'detector', env: process.env, logger: { info: say, warn: say, error: say } });
    if (telemetry === undefined) throw new Error('telemetry is off');
    runs += 1;
    const client = await engine.database(`telemetry_${runs}`);
    await migrate(client);
    const agentSpan = trace.getTracer('agent').startSpan('agent');
    const { traceId, spanId } = agentSpan.spanContext();
    const alerts = await charge(telemetry, client, traceparent ?? `00-${traceId}-${spanId}-01`);
    agentSpan.end();
    await telemetry.shutdown();
    expect(logged).toEqual([]);
    return { receiver, alerts, agentSpan: { traceId, spanId } };
  } finally {
    restore();
    receiver.close();
  }
}

async function charge(
  telemetry: NonNullable<Awaited<ReturnType<typeof startTelemetry>>>,
  client: ClickHouseClient,
  traceparent: string,
): Promise<Run['alerts']> {
  const log = await openEmbeddedLog({ path: ':memory:' });
  await log.createTopics(
    Object.values(TOPICS).map((name) => ({ name, partitions: 2 })),
    [{ topic: TOPICS.events, group: GROUPS.detector }, ...Object.values(TOPICS).map((topic) => ({ topic, group: GROUPS.sink }))],
  );
  const policy = new PolicyLookup(EMPTY_POLICY);
  const measured = { detector: telemetry.detector(), sink: telemetry.sink(), gateway: telemetry.gateway() };

  const detector = await startDetector({
    log,
    codec,
    windows: new MemoryWindows({ windowMs: WINDOW_MS }),
    policy: () => policy,
    topics: TOPICS,
    group: GROUPS.detector,
    windowMs: WINDOW_MS,
    observer: measured.detector.observer,
  });
  const lag = async () => {
    const [bounds, committed] = await Promise.all([log.bounds(TOPICS.events), log.committed(TOPICS.events, GROUPS.detector)]);
    return bounds.map(({ high }, partition) => high - (committed[partition] ?? 0));
  };
  measured.detector.read({
    status: () => detector.status(),
    lag,
    windowBytes: () => process.memoryUsage().heapUsed,
    policyVersion: () => policy.policy.version,
  });
  measured.detector.policyChanged({ kind: 'reloaded' });

  const sink = createLineageSink({ log, codec, client, topics: TOPICS, group: GROUPS.sink, onInsert: measured.sink.onInsert });
  measured.sink.read({
    status: () => sink.status(),
    backlog: () => sink.backlog(),
    missingEvents: async () => (await operatorSequenceGaps(client)).reduce((sum, { missing }) => sum + missing, 0),
  });

  const gateway = createGateway({
    log,
    codec,
    topic: TOPICS.events,
    keys: [{ tenantId: 'tenant-canary', key: 'key-canary' }],
    ready: async () => ({ ready: true, waitingFor: null }),
    onRequest: measured.gateway.onRequest,
  });
  measured.gateway.read(() => gateway.status());
  const served = await serveGateway(gateway, { host: '127.0.0.1', port: 0 });

  const idemtrace = createIdemtrace({
    transport: httpTransport({ url: served.url, apiKey: 'key-canary' }),
    hashKey: { id: 'k1', secret: 'a secret of at least thirty-two bytes' },
    agentId: 'agent-canary',
    traceparent: () => traceparent,
  });
  const pay = idemtrace.tool('charge_card', async (input: { invoice: string }) => input.invoice, { effect: 'write' });
  await idemtrace.run({ tenantId: 'tenant-canary', workflowId: 'workflow-canary' }, async () => {
    await pay({ invoice: 'inv-1' });
    await pay({ invoice: 'inv-1' });
  });
  await idemtrace.close();
  await fetch(`${served.url}/v1/events`, { method: 'POST' });
  await log.append(TOPICS.events, [{ key: 'a/b', value: Buffer.from('no record') }]);

  while ((await lag()).some((records) => records > 0)) await delay(10);
  await sink.drain();
  const traces: (string | undefined)[] = [];
  for await (const { headers } of log.tail(TOPICS.alerts)) traces.push(headers.traceparent?.toString());
  await served.close();
  // What is read at the end must still be there: telemetry ends before the log and ClickHouse are closed.
  closing.push(async () => {
    await detector.close();
    await sink.close();
    await log.close();
  });
  return traces;
}

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});

let first: Run;
beforeAll(async () => {
  first = await run();
}, 120_000);

test('what is exported is what the table says, by name, instrument, unit and meaning, and nothing of it is missing', () => {
  const { metrics } = first.receiver;
  expect([...metrics.keys()].sort()).toEqual([...metricNames].sort());
  for (const [name, { instrument, unit, meaning }] of Object.entries<Metric>(METRICS)) {
    const { points: _, ...received } = metrics.get(name) ?? { points: undefined };
    expect({ name, ...received }).toEqual({ name, instrument, unit, description: meaning });
  }
});

test('every metric has a point, with the attributes that the table names and no others', () => {
  for (const [name, { attributes }] of Object.entries<Metric>(METRICS)) {
    const points = [...(first.receiver.metrics.get(name)?.points.values() ?? [])];
    expect({ name, points: points.length > 0 }).toEqual({ name, points: true });
    for (const point of points)
      expect({ name, keys: Object.keys(point.attributes).sort() }).toEqual({ name, keys: Object.keys(attributes).sort() });
  }
});

test('the numbers are those of what happened', () => {
  const value = (name: string, attributes: object = {}) => first.receiver.metrics.get(name)?.points.get(JSON.stringify(attributes))?.value;
  expect(value('idemtrace.detector.events')).toBe(6);
  expect(value('idemtrace.detector.alerts', { 'idemtrace.rule': 'duplicate_execution', 'idemtrace.severity': 'critical' })).toBe(1);
  expect(value('idemtrace.detector.dead_letters', { 'idemtrace.reason': 'bad_magic' })).toBe(1);
  expect(value('idemtrace.detector.lag', { 'idemtrace.partition': 0 })).toBe(0);
  expect(value('idemtrace.detector.ready')).toBe(1);
  expect(value('idemtrace.detector.take_overs')).toBe(2);
  expect(value('idemtrace.policy.changes', { 'idemtrace.change': 'reloaded' })).toBe(1);
  expect(value('idemtrace.lineage.rows', { 'idemtrace.table': 'tool_call_events' })).toBe(4);
  expect(value('idemtrace.lineage.backlog')).toBe(0);
  expect(value('idemtrace.lineage.missing_events')).toBe(0);
  expect(value('idemtrace.gateway.events')).toBe(6);
  expect(value('idemtrace.gateway.requests', { 'http.response.status_code': 401 })).toBe(1);
});

test('T1: nothing that is exported names a tenant, workflow, agent or key', () => {
  expect(first.receiver.text()).not.toContain('canary');
});

test('the service has the name it is given, and tells no command line', () => {
  expect([...first.receiver.services]).toEqual(['under-test']);
  expect([...first.receiver.resourceAttributes].filter((name) => name.startsWith('process.'))).toEqual([]);
  expect(first.receiver.resourceAttributes.has('service.instance.id')).toBe(true);
});

test('one trace goes from the agent’s span through the log to the alert and its record', () => {
  const { receiver, agentSpan, alerts } = first;
  const spans = receiver.spans.filter(({ name }) => name === 'idemtrace.alert');
  expect(receiver.spans.some(({ name, spanId }) => name === 'agent' && spanId === agentSpan.spanId)).toBe(true);
  expect(spans).toMatchObject([
    {
      traceId: agentSpan.traceId,
      parentSpanId: agentSpan.spanId,
      attributes: { 'idemtrace.rule': 'duplicate_execution', 'idemtrace.severity': 'critical', 'idemtrace.outcome': 'committed' },
    },
  ]);
  expect(alerts).toEqual(spans.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`));
  const batch = receiver.spans.find(({ name }) => name === 'idemtrace.batch');
  expect(batch?.links).toMatchObject(spans.map(({ traceId, spanId }) => ({ traceId, spanId })));
});

test('spans are those of the table, with its attributes', () => {
  const own = first.receiver.spans.filter(({ name }) => name.startsWith('idemtrace.'));
  expect([...new Set(own.map(({ name }) => name))].sort()).toEqual(Object.keys(SPANS).sort());
  for (const { name, attributes } of own) {
    expect(Object.keys(attributes).sort()).toEqual(Object.keys(SPANS[name as keyof typeof SPANS].attributes).sort());
  }
});

test('what the agent does not sample is not sampled here, and its trace goes on all the same', async () => {
  const unsampled = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00';
  const { receiver, alerts } = await run(unsampled);
  expect(receiver.spans.filter(({ name }) => name === 'idemtrace.alert')).toEqual([]);
  expect(alerts).toMatchObject([expect.stringMatching(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-00$/)]);
}, 120_000);

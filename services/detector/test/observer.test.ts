/** What a detector tells whoever measures it, and how a trace goes on from an event to its alerts. */
import { createCodec, EMPTY_POLICY, eventKey, fileRegistry, PolicyLookup } from '@idemtrace/schemas';
import type { EventLog } from '@idemtrace/stream';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Detector, type DetectorOptions, startDetector } from '../src/detector.ts';
import type { BatchReport } from '../src/observer.ts';
import { MemoryWindows } from '../src/windows/memory/memory-windows.ts';
import { call } from './story.ts';

const TOPICS = { events: 'events', alerts: 'alerts', deadLetters: 'dead-letters' };
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

const codec = await createCodec({ registry: fileRegistry() });
let log: EventLog;
let detector: Detector | undefined;
beforeEach(async () => {
  log = await openEmbeddedLog({ path: ':memory:' });
  await log.createTopics(
    Object.values(TOPICS).map((name) => ({ name, partitions: 1 })),
    [{ topic: TOPICS.events, group: 'detector' }],
  );
});
afterEach(async () => {
  await detector?.close();
  await log.close();
});

/** A charge that is made twice, so that one alert is published; each record with these headers. */
async function chargeTwice(headers: Readonly<Record<string, Buffer>>): Promise<void> {
  const events = [call('started', { execution: 'a' }), call('succeeded', { execution: 'a' }), call('started', { execution: 'b' })];
  await log.append(
    TOPICS.events,
    events.map(({ name, value }) => ({
      key: eventKey(value.tenantId, value.workflowId),
      value: codec.encode(name as 'ToolCallEvent', value as never),
      headers,
    })),
  );
}

async function judged(options: Partial<DetectorOptions> = {}): Promise<readonly (string | undefined)[]> {
  const windowMs = 86_400_000;
  const policy = new PolicyLookup(EMPTY_POLICY);
  const windows = new MemoryWindows({ windowMs });
  detector = await startDetector({ log, codec, windows, policy: () => policy, topics: TOPICS, group: 'detector', windowMs, ...options });
  const [bounds] = await log.bounds(TOPICS.events);
  await expect.poll(async () => (await log.committed(TOPICS.events, 'detector'))[0], { timeout: 30_000 }).toBe(bounds?.high);
  const traces: (string | undefined)[] = [];
  for await (const { headers } of log.tail(TOPICS.alerts)) traces.push(headers.traceparent?.toString());
  return traces;
}

test('an alert is of the trace of the event that caused it', async () => {
  await chargeTwice({ traceparent: Buffer.from(TRACE) });
  expect(await judged()).toEqual([TRACE]);
});

test.each([
  'x',
  TRACE.toUpperCase(),
  TRACE.replace('00-', 'ff-'),
  `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
  `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
  `${TRACE}\n`,
])('P1: a header that is no trace context is not passed on: %s', async (header) => {
  await chargeTwice({ traceparent: Buffer.from(header) });
  expect(await judged()).toEqual([undefined]);
});

test('an observer gives alerts a trace of their own, and is told of the cause’s', async () => {
  await chargeTwice({ traceparent: Buffer.from(TRACE) });
  const asked: unknown[] = [];
  const own = TRACE.replace('00f067aa0ba902b7', 'aaaaaaaaaaaaaaaa');
  const traces = await judged({
    observer: {
      traceAlert({ rule, partition }, cause) {
        asked.push([rule, partition, cause]);
        return own;
      },
    },
  });
  expect([traces, asked]).toEqual([[own], [['duplicate_execution', 0, TRACE]]]);
});

test('an observer is told how long each part of a batch took, and how its commit ended', async () => {
  const reports: BatchReport[] = [];
  let now = 0;
  await chargeTwice({});
  // The clock goes on with every look at it.
  await judged({ observer: { onBatch: (report) => reports.push(report) }, elapsed: () => now++ });
  expect(reports).toEqual([
    { partition: 0, outcome: 'committed', records: 3, batchMs: expect.any(Number), windowMs: 1, judgeMs: 1, commitMs: expect.any(Number) },
  ]);
  expect(reports[0]?.batchMs).toBeGreaterThan(3);
});

test('dead letters are counted by reason', async () => {
  await log.append(TOPICS.events, [{ key: 'a/b', value: Buffer.from([9]) }]);
  await chargeTwice({});
  await log.append(TOPICS.events, [{ key: 'a/b', value: Buffer.alloc(0) }]);
  await judged();
  expect(detector?.status().counters.deadLetters).toEqual({ bad_magic: 1, no_value: 1 });
});

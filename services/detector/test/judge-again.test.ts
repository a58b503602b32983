/** A stretch of the log judged again: what the loop published of it, and nothing of it in the log. */
import { type Alert, createCodec, EMPTY_POLICY, fileRegistry, PolicyLookup } from '@idemtrace/schemas';
import type { EventLog } from '@idemtrace/stream';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newCounters } from '../src/counters.ts';
import { rebuildMs } from '../src/detector.ts';
import { factOf } from '../src/domain/fact.ts';
import { judgeAgain } from '../src/judge-again.ts';
import { MemoryWindows } from '../src/windows/memory/memory-windows.ts';
import type { TimedEvent } from './judging.ts';
import { append, inWorkflow, judged, PARTITIONS, read, STORY, start, TOPICS } from './loop-scene.ts';
import { hotStory, stories } from './stories.ts';

const START = 1_760_000_000_000;
const WINDOW_MS = 400;
const codec = await createCodec({ registry: fileRegistry() });

/** A log whose clock the test sets. */
async function logAt(clock: () => number, retentionMs?: number): Promise<EventLog & { retain(): Promise<unknown> }> {
  const log = await openEmbeddedLog({ path: ':memory:', clock });
  const events = { name: TOPICS.events, partitions: PARTITIONS, ...(retentionMs !== undefined && { retentionMs }) };
  const outputs = [TOPICS.alerts, TOPICS.deadLetters].map((name) => ({ name, partitions: PARTITIONS }));
  await log.createTopics([events, ...outputs], [{ topic: TOPICS.events, group: 'detector' }]);
  return log;
}

/** Every alert that the events from a log time on give, judged again in batches of this size. */
async function again(log: EventLog, since: number, maxRecords: number) {
  const [bounds, starts, windowStarts] = await Promise.all([
    log.bounds(TOPICS.events),
    log.offsetsAt(TOPICS.events, since),
    log.offsetsAt(TOPICS.events, since - rebuildMs(WINDOW_MS)),
  ]);
  const alerts: Alert[] = [];
  const counters = newCounters();
  for (const [partition, { low, high }] of bounds.entries()) {
    const stretch = { partition, low, windowFrom: windowStarts[partition] ?? low, from: starts[partition] ?? low, to: high };
    const options = { log, codec, policy: new PolicyLookup(EMPTY_POLICY), topic: TOPICS.events, windowMs: WINDOW_MS };
    for await (const alert of judgeAgain(stretch, { ...options, counters, maxRecords, maxBytes: 1_000_000 })) alerts.push(alert);
  }
  return { alerts, counters, starts };
}

/** Without what a window that was rebuilt in between cannot tell: a second delivery that comes long after the first. */
function toldSoon(events: readonly TimedEvent[]): readonly TimedEvent[] {
  const firsts = new Map<string, number>();
  return events.filter(({ event, at }) => {
    const { id } = factOf({ event, partition: 0, offset: 0, logTime: 0, contentDigest: 0 });
    const key = `${event.value.workflowId} ${id}`;
    const first = firsts.get(key) ?? at;
    firsts.set(key, first);
    return at - first <= WINDOW_MS / 8;
  });
}

/** A log that holds these events, each at its time, and what a detector published of them. */
async function publishedOf(events: readonly TimedEvent[]): Promise<{ readonly log: EventLog; readonly published: readonly Alert[] }> {
  let now = START;
  const log = await logAt(() => now);
  for (const { event, at } of events) {
    now = START + at;
    await append([event], log);
  }
  const detector = await start({ log, windowMs: WINDOW_MS, windows: new MemoryWindows({ windowMs: WINDOW_MS }), maxRecords: 7 });
  await judged(log);
  await detector.close();
  return { log, published: await read<Alert>(TOPICS.alerts, log) };
}

test('W2: events that are judged again give what the loop published of them, wherever that starts', async () => {
  let alertsCompared = 0;
  await fc.assert(
    fc.asyncProperty(stories(80), fc.nat(1_000_000), fc.integer({ min: 1, max: 30 }), async (story, pick, maxRecords) => {
      const events = toldSoon(story);
      const { log, published } = await publishedOf(events);
      const { alerts, starts } = await again(log, START + (events[pick % events.length]?.at ?? 0), maxRecords);
      expect(alerts).toEqual(published.filter(({ partition, revision }) => revision >= (starts[partition] ?? 0)));
      alertsCompared += alerts.length;
      await log.close();
    }),
    { numRuns: 60 },
  );
  expect(alertsCompared).toBeGreaterThan(0);
});

test.each([1, 40, 500])('W2: so it is with a key so hot that its history is folded, in batches of %i', async (maxRecords) => {
  const events = hotStory(250, 0.5);
  const { log, published } = await publishedOf(events);
  for (const share of [0, 0.4, 0.7]) {
    const since = START + Math.ceil(events[Math.floor(events.length * share)]?.at ?? 0);
    const { alerts, starts } = await again(log, since, maxRecords);
    expect(alerts.length).toBeGreaterThan(20);
    expect(alerts).toEqual(published.filter(({ partition, revision }) => revision >= (starts[partition] ?? 0)));
  }
  await log.close();
});

test('judging again leaves the log as it was: no group, no offset, no alert', async () => {
  const log = await logAt(() => START);
  await append(inWorkflow(0, STORY), log);
  const { alerts, counters } = await again(log, START, 3);
  expect(alerts).toHaveLength(4);
  expect(counters).toMatchObject({ events: STORY.length, replayed: 0, batches: 0 });
  expect(await log.committed(TOPICS.events, 'detector')).toEqual([0, 0]);
  expect(await read<Alert>(TOPICS.alerts, log)).toEqual([]);
  await log.close();
});

test('W5: where the log no longer reaches back to the first windows, alerts say so', async () => {
  let now = START;
  const log = await logAt(() => now, 100);
  await append(inWorkflow(0, STORY.slice(0, 3)), log);
  now += 200;
  await append(inWorkflow(0, STORY.slice(3)), log);
  expect((await again(log, now, 500)).alerts.map(({ windowComplete }) => windowComplete)).toEqual([true, true, true, true]);
  await log.retain();
  const cut = await again(log, now, 500);
  // The charge that the others repeat is gone.
  expect(cut.alerts.map(({ rule, windowComplete }) => [rule, windowComplete])).toEqual([
    ['foreign_document', false],
    ['duplicate_execution', false],
    ['duplicate_execution', false],
  ]);
  await log.close();
});

test('a signal that aborts is not taken for the end', async () => {
  const log = await logAt(() => START);
  await append(inWorkflow(0, STORY), log);
  const ending = new AbortController();
  const stretch = { partition: 0, low: 0, windowFrom: 0, from: 0, to: STORY.length };
  const options = {
    log,
    codec,
    policy: new PolicyLookup(EMPTY_POLICY),
    topic: TOPICS.events,
    windowMs: WINDOW_MS,
    counters: newCounters(),
  };
  const judging = (async () => {
    const alerts = judgeAgain(stretch, {
      ...options,
      maxRecords: 1,
      maxBytes: 1_000_000,
      signal: ending.signal,
      onBatch: () => ending.abort(),
    });
    for await (const _ of alerts);
  })();
  await expect(judging).rejects.toMatchObject({ name: 'AbortError' });
  await log.close();
});

/** An embedded log that may grow no further (max_page_count): agents are refused, the detector waits with what it found, and goes on where there is room. */
import { MemoryWindows, startDetector } from '@idemtrace/detector';
import { createCodec, EMPTY_POLICY, fileRegistry, PolicyLookup } from '@idemtrace/schemas';
import type { EmittedEvent } from '@idemtrace/sdk';
import { LogError } from '@idemtrace/stream';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { recordsOf } from 'idemtrace/internal';
import { expect, test } from 'vitest';
import { benchEvents } from '../bench/data/events.ts';
import { temporaryFolder } from '../support/program.ts';
import { until } from '../support/until.ts';

const TOPICS = { events: 'events', alerts: 'alerts', deadLetters: 'dead-letters' };
const WINDOW_MS = 86_400_000;
const EVENTS = 8_000;
const BATCH = 100;
/** Of 4 KiB: fewer than the events take. */
const PAGES = 400;

async function open(path: string, maxPageCount?: number) {
  const log = await openEmbeddedLog({ path, ...(maxPageCount !== undefined && { maxPageCount }) });
  await log.createTopics(
    Object.values(TOPICS).map((name) => ({ name, partitions: 2 })),
    [{ topic: TOPICS.events, group: 'detector' }],
  );
  return log;
}

type Log = Awaited<ReturnType<typeof open>>;

async function detectorOn(log: Log) {
  return startDetector({
    log,
    codec: await createCodec({ registry: fileRegistry() }),
    windows: new MemoryWindows({ windowMs: WINDOW_MS }),
    policy: () => new PolicyLookup(EMPTY_POLICY),
    topics: TOPICS,
    group: 'detector',
    windowMs: WINDOW_MS,
    maxRecords: 200,
  });
}

/** Appends until all is in, or the log is full: answers how many batches it took. */
async function append(log: Log, batches: readonly (readonly EmittedEvent[])[], from = 0): Promise<number> {
  const codec = await createCodec({ registry: fileRegistry() });
  for (const [index, batch] of batches.slice(from).entries()) {
    try {
      await log.append(TOPICS.events, recordsOf(batch, codec));
    } catch (error) {
      if (error instanceof LogError && error.code === 'log_full') return from + index;
      throw error;
    }
  }
  return batches.length;
}

async function judged(log: Log): Promise<void> {
  await until(async () => {
    const [bounds, committed] = await Promise.all([log.bounds(TOPICS.events), log.committed(TOPICS.events, 'detector')]);
    return bounds.every(({ high }, partition) => committed[partition] === high) || undefined;
  }, 'everything to be judged');
}

async function alertsIn(log: Log): Promise<readonly string[]> {
  const codec = await createCodec({ registry: fileRegistry() });
  const alerts: string[] = [];
  for await (const record of log.tail(TOPICS.alerts)) {
    const [decoded] = await codec.decode([record]);
    if (decoded?.ok && decoded.record.name === 'Alert') {
      const { alertId, severity, cause } = decoded.record.value;
      alerts.push(`${alertId} ${severity} ${cause}`);
    }
  }
  return alerts.sort();
}

test('W4, W7: a log that is full while agents append and the detector commits ends, given room, with the alerts that it ends with where there was always room', async () => {
  const made = [...benchEvents({ events: EVENTS, repeats: 0.3 })];
  const batches = Array.from({ length: EVENTS / BATCH }, (_, n) => made.slice(n * BATCH, (n + 1) * BATCH));
  const roomy = await open(await temporaryFolder());
  const calm = await detectorOn(roomy);
  expect(await append(roomy, batches)).toBe(batches.length);
  await judged(roomy);
  const expected = await alertsIn(roomy);
  await calm.close();
  await roomy.close();
  expect(expected.length).toBeGreaterThan(100);

  const path = await temporaryFolder();
  const tight = await open(path, PAGES);
  const appended = await append(tight, batches);
  expect(appended).toBeGreaterThan(0);
  expect(appended).toBeLessThan(batches.length);
  const waiting = await detectorOn(tight);
  await until(() => waiting.status().waitingFor ?? undefined, 'the detector to say that it waits');
  expect(waiting.status()).toMatchObject({ ready: false, waitingFor: 'the log' });
  // Told to end, it does: what it waits for stays in the log.
  await waiting.close();
  await tight.close();

  const larger = await open(path);
  const detector = await detectorOn(larger);
  expect(await append(larger, batches, appended)).toBe(batches.length);
  await judged(larger);
  expect(await alertsIn(larger)).toEqual(expected);
  await detector.close();
  await larger.close();
}, 240_000);

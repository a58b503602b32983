/** The loop on the real embedded log: what survives crashes, losses, take-overs and bad records. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Alert,
  type Codec,
  createCodec,
  type DeadLetter,
  EMPTY_POLICY,
  eventKey,
  fileRegistry,
  PolicyLookup,
} from '@idemtrace/schemas';
import { type CommitResult, type EventLog, LogError, type OwnedPartition } from '@idemtrace/stream';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Detector, type DetectorOptions, startDetector } from '../src/detector.ts';
import type { JudgedEvent } from '../src/domain/fact.ts';
import { MemoryWindows } from '../src/windows/memory/memory-windows.ts';
import type { WindowStore } from '../src/windows/port.ts';
import { call, retrieval, runEvent } from './story.ts';

const TOPICS = { events: 'events', alerts: 'alerts', deadLetters: 'dead-letters' };
const PARTITIONS = 2;
const WINDOW_MS = 86_400_000;

let folder: string;
let log: EventLog;
let codec: Codec;
let detectors: Detector[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'idemtrace-loop-'));
  codec = await createCodec({ registry: fileRegistry() });
  log = await openEmbeddedLog({ path: folder, synchronous: 'normal' });
  await createTopics(log);
  detectors = [];
});

afterEach(async () => {
  await Promise.allSettled(detectors.map((detector) => detector.close()));
  await log.close();
  await rm(folder, { recursive: true, force: true });
});

function createTopics(on: EventLog): Promise<void> {
  return on.createTopics(
    Object.values(TOPICS).map((name) => ({ name, partitions: PARTITIONS })),
    [{ topic: TOPICS.events, group: 'detector' }],
  );
}

async function start(options: Partial<DetectorOptions> = {}): Promise<Detector> {
  const detector = await startDetector({
    log,
    codec,
    windows: new MemoryWindows({ windowMs: WINDOW_MS }),
    policy: () => new PolicyLookup(EMPTY_POLICY),
    topics: TOPICS,
    group: 'detector',
    windowMs: WINDOW_MS,
    ...options,
  });
  detector.done.catch(() => {});
  detectors.push(detector);
  return detector;
}

/** Events of workflow `n`: the same story for each. */
function inWorkflow(n: number, events: readonly JudgedEvent[]): readonly JudgedEvent[] {
  return events.map((event) => ({ ...event, value: { ...event.value, workflowId: `workflow-${n}` } }) as JudgedEvent);
}

function append(events: readonly JudgedEvent[], to: EventLog = log) {
  return to.append(
    TOPICS.events,
    events.map(({ name, value }) => ({
      key: eventKey(value.tenantId, value.workflowId),
      value: codec.encode(name as 'RunEvent', value as never),
    })),
  );
}

async function judged(on: EventLog = log): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const [bounds, committed] = await Promise.all([on.bounds(TOPICS.events), on.committed(TOPICS.events, 'detector')]);
    if (bounds.every(({ high }, partition) => (committed[partition] ?? 0) >= high)) return;
    if (Date.now() > deadline)
      throw new Error(`not judged: ${JSON.stringify({ bounds, committed, status: detectors.map((d) => d.status()) })}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function read<T>(topic: string, on: EventLog = log): Promise<readonly T[]> {
  const values: T[] = [];
  for await (const record of on.tail(topic)) {
    const [decoded] = await codec.decode([record]);
    if (decoded?.ok !== true) throw new Error('undecodable output');
    values.push(decoded.record.value as T);
  }
  return values;
}

const told = (alerts: readonly Alert[]) =>
  alerts.map(({ alertId, revision, severity, cause }) => [alertId, revision, severity, cause].join(' ')).sort();

/** An unknown charge, its repeat by another run, a repeat that fails, a foreign document: four alerts a workflow, one revised. */
const STORY: readonly JudgedEvent[] = [
  runEvent('run-1', 'started'),
  call('started', { execution: 'a' }),
  call('unknown', { execution: 'a' }),
  retrieval('r', [['d', 'globex']]),
  call('started', { execution: 'b', run: 'run-2' }),
  call('succeeded', { execution: 'b', run: 'run-2' }),
  call('started', { execution: 'c', run: 'run-2', step: 1 }),
  call('failed', { execution: 'c', run: 'run-2', step: 1 }),
];
const workflows = (count: number) => Array.from({ length: count }, (_, n) => inWorkflow(n, STORY)).flat();

async function undisturbed(events: readonly JudgedEvent[], options: Partial<DetectorOptions> = {}): Promise<readonly string[]> {
  const other = await openEmbeddedLog({ path: ':memory:' });
  await createTopics(other);
  await append(events, other);
  const detector = await start({ ...options, log: other });
  await judged(other);
  const alerts = told(await read<Alert>(TOPICS.alerts, other));
  await detector.close();
  await other.close();
  return alerts;
}

test('W4: every alert of a story is published once, in the partition of its events', async () => {
  await append(inWorkflow(0, STORY));
  await start();
  await judged();
  const alerts = await read<Alert>(TOPICS.alerts);
  expect(alerts.map(({ rule, severity, cause }) => [rule, severity, cause])).toEqual([
    ['foreign_document', 'critical', null],
    ['duplicate_execution', 'critical', 'run_retry'],
    ['duplicate_execution', 'critical', 'model_repeat'],
    ['duplicate_execution', 'info', 'model_repeat'],
  ]);
  expect(alerts[2]?.alertId).toBe(alerts[3]?.alertId);
});

test.each([1, 7, 500])('W2: batches of %i records give the same alerts with the same ids', async (maxRecords) => {
  const events = workflows(20);
  expect(await undisturbed(events, { maxRecords })).toEqual(await undisturbed(events, { maxRecords: 3 }));
});

test('W6: what is delivered again is judged once, and what comes with other content is a dead letter', async () => {
  const events = workflows(5);
  const resent = events.map(
    (event) => ({ ...event, value: { ...event.value, sequence: 99, occurredAt: event.value.occurredAt + 5 } }) as JudgedEvent,
  );
  await append([...events, ...resent]);
  const [first] = inWorkflow(0, [call('started', { execution: 'a', step: 7 })]);
  if (first !== undefined) await append([first]);
  const detector = await start();
  await judged();
  expect(told(await read<Alert>(TOPICS.alerts))).toEqual(await undisturbed(events));
  expect(detector.status().counters.redeliveries).toBe(resent.length);
  expect((await read<DeadLetter>(TOPICS.deadLetters)).map(({ reason }) => reason)).toEqual(['identity_conflict']);
});

test('W7: a bad record goes once to dead letters, with reason, position and bytes, and stalls nothing', async () => {
  await append(inWorkflow(0, STORY.slice(0, 3)));
  const bytes = Buffer.from('no record at all');
  const [position] = await log.append(TOPICS.events, [{ key: eventKey('acme', 'workflow-0'), value: bytes }]);
  await append(inWorkflow(0, STORY.slice(3)));
  await start({ maxRecords: 2 });
  await judged();
  const [letter, ...more] = await read<DeadLetter>(TOPICS.deadLetters);
  expect(more).toEqual([]);
  expect(letter).toMatchObject({ reason: 'bad_magic', partition: position?.partition, offset: position?.offset, value: bytes });
  expect(await read<Alert>(TOPICS.alerts)).toHaveLength(4);
});

test('W5: a window store that forgets everything is rebuilt from the log, and what was judged emits nothing again', async () => {
  const events = workflows(30);
  const half = events.length / 2;
  let windows = new MemoryWindows({ windowMs: WINDOW_MS });
  let applies = 0;
  const forgetful: WindowStore = {
    marker: (partition) => windows.marker(partition),
    begin: (partition, marker) => windows.begin(partition, marker),
    apply: (batch) => {
      if ([4, 9, 25].includes(++applies)) windows = new MemoryWindows({ windowMs: WINDOW_MS });
      return windows.apply(batch);
    },
    close: () => windows.close(),
  };
  const detector = await start({ windows: forgetful, maxRecords: 20 });
  await append(events.slice(0, half));
  await judged();
  await append(events.slice(half));
  await judged();
  expect(detector.status().counters.rebuilds).toBeGreaterThan(PARTITIONS);
  expect(told(await read<Alert>(TOPICS.alerts))).toEqual(await undisturbed(events));
});

test('W5: a repeat of what was executed before a restart is found, and nothing is found again', async () => {
  const [before, after] = [STORY.slice(0, 4), STORY.slice(4)];
  await append(inWorkflow(0, before));
  const first = await start();
  await judged();
  await first.close();
  await append(inWorkflow(0, after));
  await start();
  await judged();
  expect(told(await read<Alert>(TOPICS.alerts))).toEqual(await undisturbed(inWorkflow(0, STORY)));
});

/** A log whose commits answer what the test wants, after or instead of doing it. */
function withCommits(decide: (commit: () => Promise<CommitResult>) => Promise<CommitResult>): EventLog {
  return new Proxy(log, {
    get(target, name) {
      if (name !== 'subscribe') return Reflect.get(target, name).bind?.(target) ?? Reflect.get(target, name);
      return ((options, handler) =>
        target.subscribe(options, (partition, batch) => {
          const wrapped: OwnedPartition = {
            topic: partition.topic,
            partition: partition.partition,
            generation: partition.generation,
            takeOver: () => partition.takeOver(),
            offsetAt: (time) => partition.offsetAt(time),
            seek: (offset) => partition.seek(offset),
            heartbeat: () => partition.heartbeat(),
            commit: (next, outputs) => decide(() => partition.commit(next, outputs)),
          };
          return handler(wrapped, batch);
        })) satisfies EventLog['subscribe'];
    },
  });
}

test('W4: commits whose fate is unknown, done or not, lose no alert and publish none twice', async () => {
  const events = workflows(30);
  let commits = 0;
  const unsure = withCommits(async (commit) => {
    commits += 1;
    if (commits % 3 === 0) return 'inDoubt';
    const result = await commit();
    return commits % 3 === 1 ? result : 'inDoubt';
  });
  await append(events);
  const detector = await start({ log: unsure, maxRecords: 10 });
  await judged();
  expect(detector.status().counters.inDoubt).toBeGreaterThan(5);
  expect(told(await read<Alert>(TOPICS.alerts))).toEqual(await undisturbed(events));
});

test('W3: the facts of a batch are in the window store before its offset is committed', async () => {
  const windows = new MemoryWindows({ windowMs: WINDOW_MS });
  let remembered = 0;
  const watched: WindowStore = {
    marker: (partition) => windows.marker(partition),
    begin: (partition, marker) => windows.begin(partition, marker),
    async apply(batch) {
      const applied = await windows.apply(batch);
      remembered += batch.facts.length;
      return applied;
    },
    close: () => windows.close(),
  };
  const early: string[] = [];
  let committed = 0;
  const ordered = withCommits(async (commit) => {
    const before = remembered;
    if (before <= committed) early.push(`${committed} committed, ${before} remembered`);
    committed = before;
    return commit();
  });
  const events = workflows(10);
  await append(events);
  await start({ log: ordered, windows: watched, maxRecords: 10 });
  await judged();
  expect(early).toEqual([]);
  expect([remembered, committed]).toEqual([events.length, events.length]);
});

test('W7: a full disk at the commit is waited for, and loses nothing', async () => {
  let refusals = 0;
  const full = withCommits(async (commit) => {
    if (refusals++ < 3) throw new LogError('log_full', 'the disk is full');
    return commit();
  });
  await append(workflows(5));
  await start({ log: full, maxRecords: 10, sleep: async () => {} });
  await judged();
  expect(refusals).toBeGreaterThan(3);
  expect(told(await read<Alert>(TOPICS.alerts))).toEqual(await undisturbed(workflows(5)));
});

test('W4: detectors that come and go in the middle publish each alert once', async () => {
  const events = workflows(60);
  const others: EventLog[] = [];
  for (let part = 0; part < 6; part++) {
    await append(events.slice((part * events.length) / 6, ((part + 1) * events.length) / 6));
    const other = await openEmbeddedLog({ path: folder, synchronous: 'normal' });
    others.push(other);
    await start({ log: other, maxRecords: 7 });
    if (part > 1) await detectors[part - 2]?.close();
  }
  await judged();
  expect(told(await read<Alert>(TOPICS.alerts))).toEqual(await undisturbed(events));
  await Promise.all(detectors.map((detector) => detector.close()));
  await Promise.all(others.map((other) => other.close()));
});

test('W7: a window store that is away is waited for, said, and loses nothing', async () => {
  const windows = new MemoryWindows({ windowMs: WINDOW_MS });
  let isAway = true;
  const away = Object.assign(new Error('connection refused'), { code: 'away' });
  const flaky: WindowStore = {
    marker: (partition) => windows.marker(partition),
    begin: (partition, marker) => windows.begin(partition, marker),
    apply: (batch) => (isAway ? Promise.reject(away) : windows.apply(batch)),
    close: () => windows.close(),
  };
  const reports: string[] = [];
  let waits = 0;
  await append(inWorkflow(0, STORY));
  const detector = await start({
    windows: flaky,
    report: (message) => reports.push(message),
    sleep: async () => {
      waits += 1;
      if (waits === 3) expect(detector.status()).toMatchObject({ ready: false, waitingFor: 'the window store' });
      if (waits === 5) isAway = false;
    },
  });
  await judged();
  expect(waits).toBe(5);
  expect(reports.filter((message) => message.includes('waiting for the window store'))).toHaveLength(1);
  expect(detector.status().ready).toBe(true);
  expect(await read<Alert>(TOPICS.alerts)).toHaveLength(4);
});

test('a group that never committed is told to say where it starts', async () => {
  await append(inWorkflow(0, STORY));
  const detector = await start({ group: 'another' });
  await expect(detector.done).rejects.toMatchObject({ code: 'no_committed_offset', message: expect.stringContaining('--from') });
});

test('W5: where the log no longer reaches back a window, alerts say so until it does', async () => {
  let now = 1_760_000_000_000;
  const other = await openEmbeddedLog({ path: ':memory:', clock: () => now });
  await other.createTopics(
    [
      { name: TOPICS.events, partitions: 1, retentionMs: 1000 },
      ...[TOPICS.alerts, TOPICS.deadLetters].map((name) => ({ name, partitions: 1 })),
    ],
    [{ topic: TOPICS.events, group: 'detector' }],
  );
  const first = await start({ log: other, windowMs: 10_000, windows: new MemoryWindows({ windowMs: 10_000 }) });
  await append(inWorkflow(0, STORY.slice(0, 3)), other);
  await judged(other);
  await first.close();
  now += 5000;
  await append(inWorkflow(1, STORY), other);
  await other.retain();
  await start({ log: other, windowMs: 10_000, windows: new MemoryWindows({ windowMs: 10_000 }) });
  await judged(other);
  // A window and an eighth: a second delivery may tell of a first one that was cut.
  now += 11_251;
  await append(inWorkflow(2, STORY), other);
  await judged(other);
  const alerts = await read<Alert>(TOPICS.alerts, other);
  expect(new Set(alerts.map(({ workflowId, windowComplete }) => `${workflowId} ${windowComplete}`))).toEqual(
    new Set(['workflow-1 false', 'workflow-2 true']),
  );
  await other.close();
});

/** The loop on the real embedded log: what survives crashes, losses, take-overs and bad records. */
import { type Alert, type DeadLetter, eventKey } from '@idemtrace/schemas';
import { type CommitResult, type EventLog, LogError, type OwnedPartition } from '@idemtrace/stream';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { expect, test } from 'vitest';
import type { JudgedEvent } from '../src/domain/fact.ts';
import { MemoryWindows } from '../src/windows/memory/memory-windows.ts';
import type { WindowStore } from '../src/windows/port.ts';
import {
  append,
  detectors,
  folder,
  inWorkflow,
  judged,
  log,
  read,
  STORY,
  start,
  TOPICS,
  told,
  undisturbed,
  WINDOW_MS,
  workflows,
} from './loop-scene.ts';
import { call } from './story.ts';

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

test('W7: told to end while a service is away, a detector ends, and its successor finds what it would have found', async () => {
  const windows = new MemoryWindows({ windowMs: WINDOW_MS });
  const away: WindowStore = {
    marker: (partition) => windows.marker(partition),
    begin: (partition, marker) => windows.begin(partition, marker),
    apply: () => Promise.reject(Object.assign(new Error('connection refused'), { code: 'away' })),
    close: () => windows.close(),
  };
  await append(inWorkflow(0, STORY));
  const waits = Promise.withResolvers<void>();
  const detector = await start({ windows: away, report: (message) => message.includes('waiting for') && waits.resolve() });
  await waits.promise;
  await detector.close();
  expect(await read<Alert>(TOPICS.alerts)).toHaveLength(0);
  await start();
  await judged();
  expect(await read<Alert>(TOPICS.alerts)).toHaveLength(4);
});

test('a group that never committed is told to say where it starts', async () => {
  await append(inWorkflow(0, STORY));
  const detector = await start({ group: 'another' });
  await expect(detector.done).rejects.toMatchObject({ code: 'no_committed_offset', message: expect.stringContaining('--from') });
});

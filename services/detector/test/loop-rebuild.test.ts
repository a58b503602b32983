/** Windows that are lost, left or cut: rebuilt from the log, or said to be incomplete. */
import type { Alert } from '@idemtrace/schemas';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { expect, test } from 'vitest';
import { MemoryWindows } from '../src/windows/memory/memory-windows.ts';
import type { WindowStore } from '../src/windows/port.ts';
import {
  append,
  inWorkflow,
  judged,
  PARTITIONS,
  read,
  STORY,
  start,
  TOPICS,
  told,
  undisturbed,
  WINDOW_MS,
  workflows,
} from './loop-scene.ts';

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

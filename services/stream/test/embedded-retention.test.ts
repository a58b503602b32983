import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openForTest, temporaryFolder, textsOf, values } from './embedded-log.ts';

const sized = (count: number, bytes: number) =>
  Array.from({ length: count }, () => ({ key: null, value: Buffer.alloc(bytes, 'x'), partition: 0 }));

test('records older than the topic keeps are deleted, and no other', async () => {
  let now = 1_000_000;
  const log = await openForTest({ path: await temporaryFolder(), clock: () => now });
  await log.createTopics([
    { name: 'short', partitions: 1, retentionMs: 1000 },
    { name: 'kept', partitions: 1 },
  ]);
  for (const topic of ['short', 'kept']) await log.append(topic, values('old', 'old too'));
  now += 600;
  await log.append('short', values('young'));
  now += 401;
  expect((await log.retain()).records).toBe(2);
  expect(await textsOf(log, 'short')).toEqual(['young']);
  expect(await log.bounds('short')).toEqual([{ low: 2, high: 3 }]);
  expect(await textsOf(log, 'kept')).toEqual(['old', 'old too']);
  expect((await log.retain()).records).toBe(0);
});

test('the end is remembered when every record is deleted, and after the log is opened again', async () => {
  let now = 1_000_000;
  const path = await temporaryFolder();
  const log = await openForTest({ path, clock: () => now });
  await log.createTopics([{ name: 'short', partitions: 1, retentionMs: 1000 }]);
  await log.append('short', values('a', 'b', 'c'));
  now += 5000;
  await log.retain();
  await log.close();
  now = 900_000;
  const again = await openForTest({ path, clock: () => now });
  expect(await again.bounds('short')).toEqual([{ low: 3, high: 3 }]);
  expect(await again.append('short', values('d'))).toEqual([{ partition: 0, offset: 3 }]);
  const times: number[] = [];
  for await (const { logTime } of again.tail('short')) times.push(logTime);
  // The clock fell back, the partition's log time did not.
  expect(times).toEqual([1_000_000]);
});

test('the oldest records go while a partition is larger than the topic keeps', async () => {
  const log = await openForTest({ path: await temporaryFolder() });
  await log.createTopics([{ name: 'small', partitions: 2, retentionBytes: 10_000 }]);
  await log.append('small', sized(4500, 100));
  await log.append('small', [{ key: null, value: Buffer.from('other partition'), partition: 1 }]);
  expect((await log.retain()).records).toBe(4400);
  expect(await log.bounds('small')).toEqual([
    { low: 4400, high: 4500 },
    { low: 0, high: 1 },
  ]);
  expect(await textsOf(log, 'small')).toHaveLength(101);
});

test('what a topic keeps follows the latest specification', async () => {
  const log = await openForTest({ path: await temporaryFolder() });
  await log.createTopics([{ name: 'topic', partitions: 1 }]);
  await log.append('topic', sized(10, 100));
  await log.createTopics([{ name: 'topic', partitions: 1, retentionBytes: 300 }]);
  expect((await log.retain()).records).toBe(7);
});

test('many deleted records give their room back to the disk', async () => {
  const path = await temporaryFolder();
  const log = await openForTest({ path, synchronous: 'normal' });
  await log.createTopics([{ name: 'large', partitions: 1, retentionBytes: 100_000 }]);
  for (let round = 0; round < 20; round++) await log.append('large', sized(20, 60_000));
  const report = await log.retain();
  await log.close();
  expect(report.bytes).toBeGreaterThan(10_000_000);
  expect((await stat(join(path, 'log.sqlite'))).size).toBeLessThan(12_000_000);
});

test('a group that retention has overtaken goes on with the first record held, and can tell', async () => {
  const log = await openForTest({ path: await temporaryFolder() });
  await log.createTopics([{ name: 'small', partitions: 1, retentionBytes: 250 }], [{ topic: 'small', group: 'slow' }]);
  await log.append('small', sized(10, 100));
  await log.retain();
  const seen: unknown[] = [];
  await log.subscribe({ topic: 'small', group: 'slow' }, async (partition, batch) => {
    seen.push(
      batch.records.map(({ offset }) => offset),
      await partition.takeOver(),
    );
  });
  await vi.waitFor(() => expect(seen).toEqual([[8, 9], { committed: 0, low: 8, high: 10 }]), { timeout: 30_000 });
});

test('the log deletes by itself what is no longer kept', async () => {
  const log = await openForTest({ path: await temporaryFolder(), retainIntervalMs: 5 });
  await log.createTopics([{ name: 'small', partitions: 1, retentionBytes: 0 }]);
  await log.append('small', sized(3, 100));
  await vi.waitFor(async () => expect(await log.bounds('small')).toEqual([{ low: 3, high: 3 }]), { timeout: 30_000 });
});

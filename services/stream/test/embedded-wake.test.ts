import { expect, test, vi } from 'vitest';
import { openForTest, temporaryFolder, values } from './embedded-log.ts';

const never = 3_600_000;
const patience = { timeout: 30_000, interval: 5 } as const;

test('what any instance of this process appends or commits wakes consumers and followers without polling', async () => {
  const path = await temporaryFolder();
  const [log, other] = [await openForTest({ path, pollIntervalMs: never }), await openForTest({ path, pollIntervalMs: never })];
  const topics = ['in', 'out'].map((name) => ({ name, partitions: 1 }));
  await log.createTopics(topics, [{ topic: 'in', group: 'group' }]);
  const followed: string[] = [];
  const ending = new AbortController();
  const following = (async () => {
    for await (const { value } of other.tail('out', { follow: true, signal: ending.signal })) followed.push(String(value));
  })();
  await log.subscribe({ topic: 'in', group: 'group' }, async (partition, batch) => {
    await partition.takeOver();
    const outputs = batch.records.map(({ value }) => ({ topic: 'out', key: null, value: Buffer.from(`of ${value}`) }));
    await partition.commit(batch.to, outputs);
  });
  for (const value of ['first', 'second']) {
    await other.append('in', values(value));
    await vi.waitFor(() => expect(followed.at(-1)).toBe(`of ${value}`), patience);
  }
  ending.abort();
  await following;
  expect(followed).toEqual(['of first', 'of second']);
});

test('while one partition is worked on, timers and other partitions get their turns', async () => {
  const log = await openForTest({ path: await temporaryFolder() });
  await log.createTopics([{ name: 'in', partitions: 2 }], [{ topic: 'in', group: 'group' }]);
  const records = (partition: number) => Array.from({ length: 300 }, () => ({ key: null, value: Buffer.from('x'), partition }));
  await log.append('in', [...records(0), ...records(1)]);
  const order: number[] = [];
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await log.subscribe({ topic: 'in', group: 'group', maxRecords: 1 }, async (partition, batch) => {
    if (batch.from === 0) await partition.takeOver();
    order.push(partition.partition);
    await partition.commit(batch.to, []);
  });
  await vi.waitFor(() => expect(order).toHaveLength(600), patience);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(3);
  expect(order.slice(0, 300)).toContain(1);
  expect(order.slice(300)).toContain(0);
});

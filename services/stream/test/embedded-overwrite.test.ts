/** Records that are taken out of the embedded log: their places stay, their bytes go. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogRecord } from '../src/port.ts';
import { openForTest, temporaryFolder } from './embedded-log.ts';

const TICK = Buffer.from('tick');
const NEEDLE = 'to be gone';

async function all(records: AsyncIterable<LogRecord>): Promise<readonly LogRecord[]> {
  const found: LogRecord[] = [];
  for await (const record of records) found.push(record);
  return found;
}

function textOf({ partition, offset, logTime, key, value, headers }: LogRecord): string {
  return [partition, offset, logTime, key?.toString(), value?.toString(), Object.keys(headers).join()].join(' ');
}

test('what is overwritten keeps its place, and everything else is as it was, however records lie in chunks', async () => {
  const log = await openForTest({ path: ':memory:' });
  let topics = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat({ max: 3000 }), { maxLength: 60 }),
      async (appends, wanted) => {
        const topic = `topic-${topics++}`;
        await log.createTopics([{ name: topic, partitions: 1 }]);
        for (const count of appends) {
          const records = Array.from({ length: count }, (_, n) => ({ key: `k${n}`, value: Buffer.from(`v${n}`), headers: { h: TICK } }));
          await log.append(topic, records);
        }
        const before = await all(log.tail(topic));
        const offsets = [...new Set(wanted)].toSorted((a, b) => a - b);
        await log.overwrite(topic, 0, offsets, TICK);
        const gone = new Set(offsets);
        const expected = before.map((record) => (gone.has(record.offset) ? { ...record, key: null, value: TICK, headers: {} } : record));
        expect((await all(log.tail(topic))).map(textOf)).toEqual(expected.map(textOf));
        expect(await log.append(topic, [{ key: null, value: TICK }])).toEqual([{ partition: 0, offset: before.length }]);
      },
    ),
    { numRuns: 30 },
  );
});

test('a size bound counts what is there after records were overwritten', async () => {
  const log = await openForTest({ path: ':memory:' });
  const value = Buffer.alloc(1000, 'x');
  await log.createTopics([{ name: 'topic', partitions: 1, retentionBytes: 50_000 }]);
  for (let n = 0; n < 90; n++) await log.append('topic', [{ key: null, value }]);
  await log.overwrite(
    'topic',
    0,
    Array.from({ length: 80 }, (_, n) => n),
    Buffer.alloc(0),
  );
  expect((await log.retain()).records).toBe(0);
  expect((await log.bounds('topic'))[0]).toEqual({ low: 0, high: 90 });
});

test('after a scrub no byte of what was deleted or overwritten is in a file of the log, the tail of a chunk that retention has cut included', async () => {
  const path = await temporaryFolder();
  const log = await openForTest({ path });
  const holding = () => readdirSync(path).filter((file) => readFileSync(join(path, file)).includes(NEEDLE));
  const record = (n: number) => ({ key: null, value: Buffer.from(`${n < 40 || n === 70 ? NEEDLE : 'to stay'} ${n}`) });
  await log.createTopics([{ name: 'topic', partitions: 1 }]);
  await log.append(
    'topic',
    Array.from({ length: 100 }, (_, n) => record(n)),
  );
  expect(holding()).not.toEqual([]);
  // Retention takes the first ones, and leaves the chunk in which they lie.
  const bytes = Array.from({ length: 60 }, (_, n) => record(n + 40).value.length).reduce((sum, each) => sum + each, 0);
  await log.createTopics([{ name: 'topic', partitions: 1, retentionBytes: bytes }]);
  await log.retain();
  expect((await log.bounds('topic'))[0]).toEqual({ low: 40, high: 100 });
  await log.overwrite('topic', 0, [3, 70, 200], TICK);
  await log.scrub();
  expect(holding()).toEqual([]);
  const records = await all(log.tail('topic'));
  expect(records.map(({ offset, value }) => [offset, value?.toString()])).toEqual(
    Array.from({ length: 60 }, (_, n) => [n + 40, n + 40 === 70 ? 'tick' : `to stay ${n + 40}`]),
  );
});

test('a log is consumed while a member of a group is there', async () => {
  const path = await temporaryFolder();
  const [log, other] = [await openForTest({ path }), await openForTest({ path })];
  await log.createTopics([{ name: 'topic', partitions: 1 }]);
  expect(await other.isConsumed()).toBe(false);
  const subscription = await log.subscribe({ topic: 'topic', group: 'group' }, async () => {});
  expect(await other.isConsumed()).toBe(true);
  await subscription.close();
  expect(await other.isConsumed()).toBe(false);
});

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openEmbeddedLog } from '../src/embedded/index.ts';
import type { LogRecord } from '../src/port.ts';
import { openForTest, temporaryFolder, values } from './embedded-log.ts';

async function all(records: AsyncIterable<LogRecord>): Promise<readonly LogRecord[]> {
  const found: LogRecord[] = [];
  for await (const record of records) found.push(record);
  return found;
}

/** A record's content as text: of many and large ones a comparison of bytes takes the test runner minutes. */
function textOf({ key, value, headers }: Pick<LogRecord, 'key' | 'value' | 'headers'>): string {
  const named = Object.entries(headers).map(([name, content]) => `${name}=${content.toString('base64')}`);
  return [key?.toString('base64'), value?.toString('base64'), ...named].join(' ');
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((content) => Buffer.from(content));

test('what one append gives is read back record by record, from any offset, whatever the records look like', async () => {
  const record = fc.record({
    key: fc.option(bytes(20)),
    value: fc.oneof(
      { weight: 9, arbitrary: bytes(300) },
      { weight: 1, arbitrary: fc.constantFrom(100_000, 300_000).map((n) => Buffer.alloc(n, 7)) },
    ),
    headers: fc.dictionary(fc.constantFrom('a', 'traceparent'), bytes(20), { maxKeys: 2, noNullPrototype: true }),
  });
  const log = await openForTest({ path: ':memory:' });
  let topics = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(record, { minLength: 1, maxLength: 600, size: 'large' }), { minLength: 1, maxLength: 3 }),
      fc.nat(),
      async (appends, at) => {
        const topic = `topic-${topics++}`;
        await log.createTopics([{ name: topic, partitions: 1 }]);
        const expected = appends.flat();
        for (const append of appends) await log.append(topic, append);
        const read = await all(log.tail(topic));
        expect(read.map(({ offset }) => offset)).toEqual(expected.map((_, offset) => offset));
        expect(read.map(textOf)).toEqual(expected.map(textOf));
        const from = at % expected.length;
        const rest = await all(log.tail(topic, { from: new Map([[0, from]]) }));
        expect(rest.map(({ offset }) => offset)).toEqual(expected.map((_, offset) => offset).slice(from));
      },
    ),
    { numRuns: 20 },
  );
});

/** As version 0.1.0 wrote it: a row for every record. */
function writeFirstVersion(file: string): void {
  const db = new DatabaseSync(file);
  db.exec('DROP TABLE chunks');
  db.exec(
    'CREATE TABLE records (position INTEGER PRIMARY KEY, log_time INTEGER NOT NULL, key BLOB, value BLOB NOT NULL, headers BLOB) STRICT',
  );
  const insert = db.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?)');
  const [first, second] = [1 * 2 ** 40, 2 * 2 ** 40];
  // Retention has taken the first three of the first partition.
  for (let n = 3; n < 1203; n++)
    insert.run(first + n, 1000 + Math.floor(n / 700), n % 2 === 0 ? null : Buffer.from(`k${n}`), Buffer.from(`a${n}`), null);
  const header = Buffer.from([1, 0, 0, 0, 0x68, 2, 0, 0, 0, 0x6f, 0x6b]);
  insert.run(second, 5000, Buffer.from(''), Buffer.from('b0'), header);
  db.prepare('UPDATE partitions SET low = ?, high = ?, last_time = ?, bytes = ? WHERE id = 1').run(3, 1203, 1001, 10_000);
  db.prepare('UPDATE partitions SET low = ?, high = ?, last_time = ?, bytes = ? WHERE id = 2').run(0, 1, 5000, 4);
  db.exec('PRAGMA user_version = 1');
  db.close();
}

test('a log of version 0.1.0 is upgraded as it is opened, with every record at its place', async () => {
  const path = await temporaryFolder();
  const made = await openEmbeddedLog({ path });
  await made.createTopics([{ name: 'topic', partitions: 2 }]);
  await made.close();
  writeFirstVersion(join(path, 'log.sqlite'));

  const log = await openForTest({ path, clock: () => 2000 });
  expect(log.id).toBe(made.id);
  expect(await log.bounds('topic')).toEqual([
    { low: 3, high: 1203 },
    { low: 0, high: 1 },
  ]);
  const records = await all(log.tail('topic'));
  const expected = Array.from({ length: 1200 }, (_, index) => {
    const n = index + 3;
    return {
      partition: 0,
      offset: n,
      logTime: 1000 + Math.floor(n / 700),
      key: n % 2 === 0 ? null : Buffer.from(`k${n}`),
      value: Buffer.from(`a${n}`),
      headers: {},
    };
  });
  expect(records).toEqual(
    [
      ...expected,
      { partition: 1, offset: 0, logTime: 5000, key: Buffer.from(''), value: Buffer.from('b0'), headers: { h: Buffer.from('ok') } },
    ].map((record) => ({ topic: 'topic', ...record })),
  );
  expect(await log.append('topic', values('next'))).toEqual([{ partition: 0, offset: 1203 }]);
  await log.close();
  expect(await all((await openForTest({ path })).tail('topic'))).toHaveLength(1202);
});

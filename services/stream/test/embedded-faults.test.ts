import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openEmbeddedLog } from '../src/embedded/index.ts';
import { openForTest, temporaryFolder, textsOf, values } from './embedded-log.ts';

const patience = { timeout: 30_000, interval: 10 } as const;

test('a log of a newer version is refused by name, and left as it is', async () => {
  const path = await temporaryFolder();
  await (await openEmbeddedLog({ path })).close();
  const db = new DatabaseSync(join(path, 'log.sqlite'));
  db.exec('PRAGMA user_version = 99');
  const refused = openEmbeddedLog({ path });
  await expect(refused).rejects.toMatchObject({ name: 'LogError', code: 'unsupported_log' });
  await expect(refused).rejects.toThrow(/version 99/);
  expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 99 });
  db.close();
});

test("another program's SQLite file, or no SQLite file, is refused and left as it is", async () => {
  const path = await temporaryFolder();
  const db = new DatabaseSync(join(path, 'log.sqlite'));
  db.exec('CREATE TABLE theirs (id INTEGER)');
  await expect(openEmbeddedLog({ path })).rejects.toMatchObject({ code: 'unsupported_log' });
  expect(db.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'theirs' }]);
  expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'delete' });
  db.close();
  const other = await temporaryFolder();
  await writeFile(join(other, 'log.sqlite'), 'no database, but a text that is long enough to be taken for one. '.repeat(100));
  await expect(openEmbeddedLog({ path: other })).rejects.toMatchObject({ code: 'unsupported_log' });
  const file = join(other, 'log.sqlite');
  await expect(openEmbeddedLog({ path: file })).rejects.toMatchObject({ code: 'log_away' });
});

test('a log keeps its identity when it is opened again, and another log has another', async () => {
  const path = await temporaryFolder();
  const first = await openEmbeddedLog({ path });
  await first.close();
  expect((await openForTest({ path })).id).toBe(first.id);
  const other = await openForTest({ path: ':memory:' });
  expect(other.id).not.toBe(first.id);
  await other.createTopics([{ name: 'topic', partitions: 1 }]);
  await other.append('topic', values('in memory'));
  expect(await textsOf(other, 'topic')).toEqual(['in memory']);
});

test('a full log refuses appends and commits as log_full, with nothing torn, and goes on once there is room', async () => {
  const path = await temporaryFolder();
  const log = await openForTest({ path, maxPageCount: 200 });
  await log.createTopics(
    ['in', 'out'].map((name) => ({ name, partitions: 1, retentionBytes: 100_000 })),
    [{ topic: 'in', group: 'group' }],
  );
  let batches = 0;
  const fill = async () => {
    for (;;) {
      const batch = Array.from({ length: 25 }, (_, n) => ({ key: null, value: Buffer.alloc(1000, `${batches}/${n} `), partition: 0 }));
      await log.append('in', batch);
      batches++;
    }
  };
  await expect(fill()).rejects.toMatchObject({ name: 'LogError', code: 'log_full' });
  expect(batches).toBeGreaterThan(0);
  expect(await log.bounds('in')).toEqual([{ low: 0, high: batches * 25 }]);
  expect(await textsOf(log, 'in')).toHaveLength(batches * 25);

  const output = { topic: 'out', key: null, value: Buffer.alloc(100_000) };
  const subscription = await log.subscribe({ topic: 'in', group: 'group' }, async (partition, batch) => {
    await partition.takeOver();
    await partition.commit(batch.to, [output]);
  });
  await expect(subscription.done).rejects.toMatchObject({ code: 'log_full' });
  expect(await log.committed('in', 'group')).toEqual([0]);
  expect(await log.bounds('out')).toEqual([{ low: 0, high: 0 }]);

  await log.retain();
  const [position] = await log.append('in', values('again'));
  expect(position).toEqual({ partition: 0, offset: batches * 25 });
});

test('one append that finds no room fails alone: others that came with it are appended', async () => {
  const log = await openForTest({ path: await temporaryFolder(), maxPageCount: 200 });
  await log.createTopics([{ name: 'topic', partitions: 1 }]);
  const large = Array.from({ length: 40 }, () => ({ key: null, value: Buffer.alloc(100_000), partition: 0 }));
  const results = await Promise.allSettled([values('before'), large, values('after')].map((records) => log.append('topic', records)));
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await textsOf(log, 'topic')).toEqual(['before', 'after']);
});

test("another process' lock is waited for without stopping this process", async () => {
  const path = await temporaryFolder();
  const log = await openForTest({ path });
  await log.createTopics([{ name: 'topic', partitions: 1 }]);
  const other = new DatabaseSync(join(path, 'log.sqlite'));
  other.exec('BEGIN IMMEDIATE');
  let appended = false;
  const appending = log.append('topic', values('late')).then(() => {
    appended = true;
  });
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await vi.waitFor(() => expect(turns).toBeGreaterThan(20), patience);
  clearInterval(timer);
  expect(appended).toBe(false);
  expect(await textsOf(log, 'topic')).toEqual([]);
  other.exec('COMMIT');
  other.close();
  await appending;
  expect(await textsOf(log, 'topic')).toEqual(['late']);
});

/** COMMIT reports an I/O error, having committed or not: both happen when a disk fails. */
function failNextCommit(kind: 'committed' | 'rolledBack'): void {
  const exec = DatabaseSync.prototype.exec;
  const spy = vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, sql: string) {
    if (sql !== 'COMMIT') return exec.call(this, sql);
    spy.mockRestore();
    exec.call(this, kind === 'committed' ? 'COMMIT' : 'ROLLBACK');
    throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 1034, errstr: 'disk I/O error' });
  });
  onTestFinished(() => spy.mockRestore());
}

test.each(['committed', 'rolledBack'] as const)(
  'W4: a commit of unknown fate (%s) is in doubt, and taking over again tells all or nothing',
  async (kind) => {
    const log = await openForTest({ path: await temporaryFolder() });
    const topics = ['in', 'out'].map((name) => ({ name, partitions: 1 }));
    await log.createTopics(topics, [{ topic: 'in', group: 'group' }]);
    await log.append('in', values('a', 'b'));
    const results: unknown[] = [];
    const subscription = await log.subscribe({ topic: 'in', group: 'group' }, async (partition, batch) => {
      if (results.length === 0) {
        await partition.takeOver();
        failNextCommit(kind);
      }
      const result = await partition.commit(batch.to, [{ topic: 'out', key: null, value: Buffer.from('once') }]);
      results.push(result);
      if (result === 'inDoubt') partition.seek((await partition.takeOver()).committed ?? 0);
    });
    await vi.waitFor(
      async () => expect([results.length, await log.committed('in', 'group')]).toEqual([kind === 'committed' ? 1 : 2, [2]]),
      patience,
    );
    await subscription.close();
    expect(results).toEqual(kind === 'committed' ? ['inDoubt'] : ['inDoubt', 'committed']);
    expect(await textsOf(log, 'out')).toEqual(['once']);
  },
);

test('an append of unknown fate is rejected, and all or nothing of it is there', async () => {
  const log = await openForTest({ path: await temporaryFolder() });
  await log.createTopics([{ name: 'topic', partitions: 1 }]);
  for (const kind of ['committed', 'rolledBack'] as const) {
    failNextCommit(kind);
    await expect(log.append('topic', values(`${kind} a`, `${kind} b`))).rejects.toMatchObject({ code: 'log_away' });
  }
  expect(await textsOf(log, 'topic')).toEqual(['committed a', 'committed b']);
});

test('an owner that works long keeps its partition by heartbeats, and loses it without', async () => {
  const path = await temporaryFolder();
  const [log, rival] = [await openForTest({ path, leaseMs: 1000 }), await openForTest({ path, leaseMs: 1000 })];
  await log.createTopics([{ name: 'in', partitions: 1 }], [{ topic: 'in', group: 'group' }]);
  await log.append('in', values('long'));
  const events: string[] = [];
  let takenOver = false;
  await log.subscribe({ topic: 'in', group: 'group' }, async (partition, batch) => {
    await partition.takeOver();
    for (let beat = 0; beat < 30; beat++) {
      await sleep(100);
      await partition.heartbeat();
    }
    events.push(`after heartbeats ${takenOver ? 'lost' : 'kept'}`);
    await vi.waitFor(() => expect(takenOver).toBe(true), patience);
    events.push(await partition.commit(batch.to, []));
  });
  await rival.subscribe({ topic: 'in', group: 'group' }, async (partition, batch) => {
    await partition.takeOver();
    takenOver = true;
    events.push(`rival ${await partition.commit(batch.to, [])}`);
  });
  await vi.waitFor(() => expect(events).toEqual(['after heartbeats kept', 'rival committed', 'fenced']), patience);
});

test('P1: no fault repeats anything of a record', async () => {
  const log = await openForTest({ path: await temporaryFolder(), maxPageCount: 60 });
  await log.createTopics([{ name: 'topic', partitions: 1 }]);
  const secret = 'canary4711';
  const record = { key: secret, value: Buffer.from(secret.repeat(1000)), headers: { [secret]: Buffer.from(secret) } };
  const faults: unknown[] = [];
  const collect = (error: unknown) => void faults.push(error);
  await log.append('topic', [{ ...record, partition: 9 }]).catch(collect);
  await log.append('topic', [{ ...record, value: Buffer.alloc(17 * 1024 * 1024, secret) }]).catch(collect);
  await log
    .append(
      'topic',
      Array.from({ length: 500 }, () => record),
    )
    .catch(collect);
  await log.append('absent', [record]).catch(collect);
  expect(faults).toMatchObject([
    { code: 'partition_mismatch' },
    { code: 'record_too_large' },
    { code: 'log_full' },
    { code: 'unknown_topic' },
  ]);
  for (const fault of faults) {
    const told = fault instanceof Error ? [fault.message, fault.stack, String(fault.cause)].join('\n') : '';
    expect(told).not.toBe('');
    expect(told).not.toContain(secret);
  }
});

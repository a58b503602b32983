/** Reading committed records: what control records, aborted transactions, retention and rebalances must not do to it. */
import { sharedKafka } from '@idemtrace/local-services/testing';
import type { Producer } from 'kafkajs';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { FetchedMessage } from '../src/kafka/client.ts';
import { Feed } from '../src/kafka/feed.ts';
import { chunkOf } from '../src/kafka/fetch.ts';
import { assignTopic, type Claim, claimOf, encodeClaim } from '../src/kafka/group-protocol.ts';
import type { Batch, EventLog, LogRecord } from '../src/port.ts';
import { eventually, newTopic, openForTest, owning, plainKafka, recordsTo, textsOf, unique, valuesOf } from './kafka-log.ts';

// The run's broker is started by whoever asks first.
beforeAll(async () => void (await sharedKafka()), 180_000);

async function transactional(id = unique('writer')): Promise<Producer> {
  const producer = (await plainKafka()).producer({ transactionalId: id, transactionTimeout: 30_000, createPartitioner: () => () => 0 });
  await producer.connect();
  onTestFinished(() => producer.disconnect());
  return producer;
}

const sent = (topic: string, ...values: string[]) => ({ topic, messages: values.map((value) => ({ value, partition: 0 })) });

/** One partition: committed, then two transactions that overlap and are both aborted, committed, aborted at the end. */
async function writeAround(log: EventLog, topic: string): Promise<readonly string[]> {
  const [first, second, third] = [await transactional(), await transactional(), await transactional()];
  const committed = await first.transaction();
  await committed.send(sent(topic, 'a', 'b'));
  await committed.commit();
  const [left, right] = [await second.transaction(), await third.transaction()];
  await left.send({ topic, messages: [{ key: Buffer.alloc(4), value: 'aborted', partition: 0 }] });
  await right.send(sent(topic, 'aborted'));
  await left.send(sent(topic, 'aborted'));
  await log.append(topic, recordsTo(0, ['between']));
  await left.abort();
  await right.send(sent(topic, 'aborted'));
  await right.abort();
  const again = await first.transaction();
  await again.send(sent(topic, 'c'));
  await again.commit();
  const last = await second.transaction();
  await last.send(sent(topic, 'aborted'));
  await last.abort();
  // Markers are written after the answers: nothing is open any more where the next record is read.
  await log.append(topic, recordsTo(0, ['end']));
  const all = ['a', 'b', 'between', 'c', 'end'];
  await eventually(async () => expect(await textsOf(log, topic)).toEqual(all));
  return all;
}

async function deleteBefore(topic: string, offset: number): Promise<void> {
  const admin = (await plainKafka()).admin();
  await admin.connect();
  // kafkajs deletes nothing of a topic that it has not asked for before.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
  await admin.disconnect();
}

async function batchesOf(log: EventLog, topic: string, group: string, count: number): Promise<readonly Batch[]> {
  const batches: Batch[] = [];
  const subscription = await log.subscribe(
    { topic, group },
    owning(async (_, batch) => void batches.push(batch)),
  );
  await eventually(() => expect(batches.flatMap(({ records }) => records)).toHaveLength(count));
  await subscription.close();
  return batches;
}

test('overlapping aborted transactions hide their own records and nobody else’s, whoever reads', async () => {
  const log = await openForTest();
  const group = unique('group');
  const topic = await newTopic(log, 1, group);
  const committed = await writeAround(log, topic);
  expect(await textsOf(log, topic)).toEqual(committed);
  const batches = await batchesOf(log, topic, group, committed.length);
  expect(batches.flatMap(({ records }) => records.map(({ value }) => String(value)))).toEqual(committed);
});

test('batches cover control and aborted records: they follow each other without a hole, over gaps between their offsets', async () => {
  const log = await openForTest();
  const group = unique('group');
  const topic = await newTopic(log, 1, group);
  const committed = await writeAround(log, topic);
  const batches = await batchesOf(log, topic, group, committed.length);
  for (const [index, { from, to, records }] of batches.entries()) {
    expect(from).toBe(batches[index - 1]?.to ?? 0);
    expect(records.every(({ offset }) => offset >= from && offset < to)).toBe(true);
  }
  const [bounds] = await log.bounds(topic);
  expect(batches.at(-1)?.to).toBe(bounds?.high);
});

test('a tail ends where the end was also where nothing but a marker stands there, and does not wait for a transaction that is open', async () => {
  const log = await openForTest();
  const topic = await newTopic(log);
  const writer = await transactional();
  const committed = await writer.transaction();
  await committed.send(sent(topic, 'a'));
  await committed.commit();
  // A commit is answered before its marker stands in the partition.
  await eventually(async () => expect(await textsOf(log, topic)).toEqual(['a']));
  const open = await writer.transaction();
  await open.send(sent(topic, 'held back'));
  expect(await textsOf(log, topic)).toEqual(['a']);
  await open.commit();
  await eventually(async () => expect(await textsOf(log, topic)).toEqual(['a', 'held back']));
});

test('records deleted under a reader are left out, and the group’s offset stays what was committed', async () => {
  const log = await openForTest();
  const group = unique('group');
  const topic = await newTopic(log, 1, group);
  await log.append(topic, recordsTo(0, valuesOf(10)));
  const seen: string[] = [];
  let committed = false;
  const subscription = await log.subscribe(
    { topic, group, maxRecords: 2 },
    owning(async (partition, batch) => {
      if (!committed) {
        await partition.commit(2, []);
        committed = true;
        await deleteBefore(topic, 6);
        // Out of what was fetched, and by now out of the log.
        partition.seek(-1);
        return;
      }
      seen.push(...batch.records.map(({ value }) => String(value)));
    }),
  );
  await eventually(() => expect(seen).toEqual(valuesOf(10).slice(6)));
  await subscription.close();
  expect(await log.committed(topic, group)).toEqual([2]);
  expect(await textsOf(log, topic)).toEqual(valuesOf(10).slice(6));
});

test('a fetch that is out of range goes on where the log begins, and commits nothing for the group', async () => {
  const log = await openForTest();
  const group = unique('group');
  const topic = await newTopic(log, 1, group);
  await log.append(topic, recordsTo(0, valuesOf(10)));
  await deleteBefore(topic, 6);
  const seen: string[] = [];
  await log.subscribe({ topic, group }, async (_, batch) => void seen.push(...batch.records.map(({ value }) => String(value))));
  await eventually(() => expect(seen).toEqual(valuesOf(10).slice(6)));
  expect(await log.committed(topic, group)).toEqual([0]);
});

test('a slow partition does not hold up the others', async () => {
  const log = await openForTest();
  const group = unique('group');
  const topic = await newTopic(log, 3, group);
  for (const partition of [0, 1, 2]) await log.append(topic, recordsTo(partition, ['first']));
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  onTestFinished(() => release());
  const seen: string[] = [];
  await log.subscribe(
    { topic, group },
    owning(async (partition, batch) => {
      if (partition.partition === 0) await released;
      seen.push(...batch.records.map((record) => `${record.partition}/${record.value}`));
    }),
  );
  await eventually(() => expect(seen.sort()).toEqual(['1/first', '2/first']));
  for (const partition of [1, 2]) await log.append(topic, recordsTo(partition, ['second']));
  await eventually(() => expect(seen.sort()).toEqual(['1/first', '1/second', '2/first', '2/second']));
  release();
  await eventually(() => expect(seen).toContain('0/first'));
});

test('a member that joins takes its part, and what stays where it is keeps its generation', async () => {
  const log = await openForTest();
  const other = await openForTest();
  const group = unique('group');
  const topic = await newTopic(log, 4, group);
  const owners = new Map<string, number[]>();
  const member = (who: string) =>
    owning(async (partition, batch) => {
      const key = `${who}/${partition.partition}`;
      owners.set(key, [...new Set([...(owners.get(key) ?? []), partition.generation])]);
      await partition.commit(batch.to, []);
    });
  const round = async (text: string) => {
    for (const partition of [0, 1, 2, 3]) await log.append(topic, recordsTo(partition, [text]));
  };
  await log.subscribe({ topic, group }, member('first'));
  await round('before');
  await eventually(() => expect([...owners.keys()].sort()).toEqual(['first/0', 'first/1', 'first/2', 'first/3']));
  await other.subscribe({ topic, group }, member('second'));
  await eventually(async () => {
    await round('after');
    expect([...owners.keys()].filter((key) => key.startsWith('second'))).toHaveLength(2);
  });
  for (const [key, generations] of owners) expect({ key, count: generations.length }).toEqual({ key, count: 1 });
});

test('of two members that claim a partition, the one that had it last keeps it', () => {
  const claim = (memberId: string, generation: number, partitions: readonly number[]): Claim => ({
    memberId,
    topics: ['t'],
    generation,
    partitions,
  });
  const owners = assignTopic([claim('a', 4, [0, 1, 2]), claim('b', 5, [1, 3])], 4);
  expect([...owners].sort()).toEqual([
    [0, 'a'],
    [1, 'b'],
    [2, 'a'],
    [3, 'b'],
  ]);
  const metadata = encodeClaim('t', { generation: 5, partitions: [1, 3] });
  expect(claimOf({ memberId: 'b', memberMetadata: metadata })).toEqual(claim('b', 5, [1, 3]));
  expect(claimOf({ memberId: 'c', memberMetadata: encodeClaim('t', undefined) })).toEqual(claim('c', -1, []));
});

test('a group that consumers of another kind have joined ends the subscription: it is not waited for', async () => {
  const log = await openForTest();
  const group = unique('group');
  const topic = await newTopic(log, 1, group);
  const consumer = (await plainKafka()).consumer({ groupId: group, sessionTimeout: 10_000 });
  await consumer.connect();
  onTestFinished(() => consumer.disconnect());
  await consumer.subscribe({ topic });
  const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve));
  await consumer.run({ eachMessage: async () => undefined });
  await joined;
  const subscription = await log.subscribe({ topic, group }, async () => undefined);
  await expect(subscription.done).rejects.toMatchObject({ type: 'INCONSISTENT_GROUP_PROTOCOL' });
  await subscription.close();
});

const message = (offset: number, extra: Partial<FetchedMessage> = {}): FetchedMessage => ({
  offset: String(offset),
  timestamp: '1',
  key: null,
  value: Buffer.from('x'),
  ...extra,
});

test('a chunk leaves out what lies before its start, and keeps of a repeated header the first', () => {
  const headers = { twice: [Buffer.from('a'), Buffer.from('b')], none: null };
  const messages = [message(4), message(5, { headers })];
  const chunk = chunkOf('t', 5, { partition: 0, lastStableOffset: '6', abortedTransactions: null, messages });
  expect(chunk).toMatchObject({ from: 5, to: 6, records: [{ offset: 5, headers: { twice: Buffer.from('a'), none: Buffer.alloc(0) } }] });
});

test('what a fetch brings after a seek elsewhere is not taken', async () => {
  const record = (offset: number): LogRecord => ({ topic: 't', partition: 0, offset, logTime: 1, key: null, value: null, headers: {} });
  const chunk = (from: number, to: number) => ({
    from,
    to,
    bytes: 1,
    end: to,
    records: Array.from({ length: to - from }, (_, n) => record(from + n)),
  });
  const feed = new Feed(0, 0, { maxRecords: 10, maxBytes: 100 }, () => undefined);
  const before = feed.due?.course ?? -1;
  feed.deliver(chunk(0, 4), before);
  expect(await feed.take()).toMatchObject({ from: 0, to: 4 });
  expect(feed.goWithin(2)).toBe(true);
  expect(await feed.take()).toMatchObject({ from: 2, to: 4 });
  expect(feed.goWithin(40)).toBe(false);
  feed.unplace();
  expect(feed.due).toBeUndefined();
  feed.place(40);
  feed.deliver(chunk(4, 8), before);
  feed.deliver(chunk(40, 42), feed.due?.course ?? -1);
  expect(await feed.take()).toMatchObject({ from: 40, to: 42 });
});

test('W7: a record of forty thousand headers is read as any other, and holds nobody up', async () => {
  const log = await openForTest();
  const topic = await newTopic(log);
  const headers = Object.fromEntries(Array.from({ length: 40_000 }, (_, n) => [`h${n}`, Buffer.from('x')]));
  await log.append(topic, [{ key: null, value: Buffer.from('laden'), headers, partition: 0 }, ...recordsTo(0, ['next'])]);
  const seen: LogRecord[] = [];
  for await (const record of log.tail(topic)) seen.push(record);
  expect(seen.map(({ value }) => String(value))).toEqual(['laden', 'next']);
  expect(Object.keys(seen[0]?.headers ?? {})).toHaveLength(40_000);
});

/** Transactions, fencing and doubt on a real broker: what must survive there that the conformance suite cannot bring about. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sharedKafka } from '@idemtrace/local-services/testing';
import type { Transaction } from 'kafkajs';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { Connection } from '../src/kafka/connection.ts';
import { committedOf } from '../src/kafka/positions.ts';
import { Producers } from '../src/kafka/producers.ts';
import { kafkaSettings } from '../src/kafka/settings.ts';
import { moveOffsets, Transactions } from '../src/kafka/transactions.ts';
import type { EventLog } from '../src/port.ts';
import { API, eventually, newTopic, newWire, openForTest, owning, plainKafka, recordsTo, textsOf, unique, valuesOf } from './kafka-log.ts';

// The run's broker is started by whoever asks first.
beforeAll(async () => void (await sharedKafka()), 180_000);

const output = (topic: string, value: string) => ({ topic, key: null, value: Buffer.from(value) });

async function withTopics(log: EventLog): Promise<{ input: string; outputs: string; group: string }> {
  const group = unique('group');
  return { input: await newTopic(log, 1, group), outputs: await newTopic(log), group };
}

for (const [fate, committed] of [
  ['lost', 0],
  ['unanswered', 3],
] as const) {
  test(`W4: a commit whose EndTxn is ${fate} is in doubt; the next take-over reads what became of it, and each output is there once`, async () => {
    const wire = newWire();
    const log = await openForTest({}, wire);
    const { input, outputs, group } = await withTopics(log);
    await log.append(input, recordsTo(0, valuesOf(3)));
    let cuts = 1;
    wire.fate = (apiKey) => (apiKey === API.endTxn && cuts-- > 0 ? fate : 'passes');
    const results: string[] = [];
    const reads: (number | undefined)[] = [];
    let inDoubt = true;
    const subscription = await log.subscribe({ topic: input, group }, async (partition, batch) => {
      if (inDoubt) {
        const takeOver = await partition.takeOver();
        reads.push(takeOver.committed);
        inDoubt = false;
        return partition.seek(takeOver.committed ?? takeOver.low);
      }
      const made = batch.records.map(({ value }) => output(outputs, `of ${value}`));
      const result = await partition.commit(batch.to, made);
      results.push(result);
      inDoubt = result === 'inDoubt';
      if (inDoubt) await expect(partition.commit(batch.to, made)).rejects.toThrow(/takeOver/);
      if (inDoubt) partition.seek(0);
    });
    subscription.done.catch(() => undefined);
    await eventually(() => expect(reads).toEqual([0, committed]));
    await log.append(input, recordsTo(0, ['last']));
    await eventually(async () => expect(await textsOf(log, outputs)).toEqual(['of v0', 'of v1', 'of v2', 'of last']));
    expect(results[0]).toBe('inDoubt');
    await subscription.close();
  });
}

test('W4: an owner whose producer was taken over learns it at its commit, and makes no other producer in that generation', async () => {
  const wire = newWire();
  const log = await openForTest({}, wire);
  const { input, outputs, group } = await withTopics(log);
  await log.append(input, recordsTo(0, valuesOf(3)));
  const kafka = await plainKafka();
  const usurper = kafka.producer({ transactionalId: `idemtrace/${group}/${input}/0` });
  await usurper.connect();
  onTestFinished(() => usurper.disconnect());
  const generations: number[] = [];
  const results: string[] = [];
  const made: number[] = [];
  await log.subscribe(
    { topic: input, group },
    owning(
      async (partition, batch) => {
        if (results.length > 0) return void results.push(await partition.commit(batch.to, [output(outputs, 'of the next generation')]));
        await (await usurper.transaction()).abort();
        made.push(wire.sent(API.initProducerId));
        for (let time = 0; time < 3; time++) results.push(await partition.commit(batch.to, [output(outputs, 'of the fenced owner')]));
        made.push(wire.sent(API.initProducerId));
      },
      (_, { generation }) => generations.push(generation),
    ),
  );
  await eventually(() => expect(results).toEqual(['fenced', 'fenced', 'fenced', 'committed']));
  expect(made[1]).toBe(made[0]);
  expect(generations).toHaveLength(2);
  expect(generations[1]).toBeGreaterThan(generations[0] ?? 0);
  await eventually(async () => expect(await textsOf(log, outputs)).toEqual(['of the next generation']));
});

test('W4: a process that is stopped in mid-batch, and goes on after another took over, publishes nothing', async () => {
  const { brokers } = await sharedKafka();
  const log = await openForTest();
  const { input, outputs, group } = await withTopics(log);
  await log.append(input, recordsTo(0, valuesOf(3)));
  const child = startOwner([brokers.join(','), input, outputs, group]);
  await eventually(() => expect(child.lines).toContain('judging'));
  child.process.kill('SIGSTOP');
  const results: string[] = [];
  await log.subscribe(
    { topic: input, group },
    owning(async (partition, batch) => void results.push(await partition.commit(batch.to, [output(outputs, 'of the living owner')]))),
  );
  await eventually(() => expect(results).toEqual(['committed']));
  child.process.kill('SIGCONT');
  child.process.stdin?.write('go on\n');
  await eventually(() => expect(child.lines).toContain('fenced'));
  await eventually(async () => expect(await textsOf(log, outputs)).toEqual(['of the living owner']));
});

function startOwner(args: readonly string[]): { readonly process: ChildProcess; readonly lines: string[] } {
  const file = fileURLToPath(new URL('children/kafka-owner.ts', import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  return { process: child, lines };
}

test('a take-over right after a commit of the owner before reads that commit, not the one before it', async () => {
  const { brokers } = await sharedKafka();
  const log = await openForTest();
  const { input, outputs, group } = await withTopics(log);
  const settings = kafkaSettings({ brokers });
  const producers = new Producers(settings);
  const connection = new Connection(settings);
  onTestFinished(() => connection.close());
  for (let next = 1; next <= 40; next++) {
    const before = new Transactions(producers, `idemtrace/${group}/${input}/0`);
    await before.begin();
    expect(await before.commit({ group, topic: input, partition: 0, next }, [output(outputs, 'x')], () => 1_000_000)).toBe('committed');
    const after = new Transactions(producers, `idemtrace/${group}/${input}/0`);
    await after.begin();
    expect((await committedOf(connection, group, input, [0])).get(0)).toBe(next);
    await Promise.all([before.discard(), after.discard()]);
  }
});

test('transactions that follow each other at once all commit', async () => {
  const log = await openForTest();
  const { input, outputs, group } = await withTopics(log);
  await log.append(input, recordsTo(0, valuesOf(60)));
  const results: string[] = [];
  await log.subscribe(
    { topic: input, group, maxRecords: 1 },
    owning(async (partition, batch) => void results.push(await partition.commit(batch.to, [output(outputs, 'x')]))),
  );
  await eventually(() => expect(results).toHaveLength(60));
  expect(new Set(results)).toEqual(new Set(['committed']));
  await eventually(async () => expect(await textsOf(log, outputs)).toHaveLength(60));
});

test('offsets are added again while the transaction before is being written, and while the coordinator is not ready', async () => {
  const refusals = ['CONCURRENT_TRANSACTIONS', 'GROUP_COORDINATOR_NOT_AVAILABLE', 'CONCURRENT_TRANSACTIONS'];
  let calls = 0;
  const transaction = {
    sendOffsets: async () => {
      const type = refusals[calls++];
      if (type !== undefined) throw Object.assign(new Error(type), { type, retriable: true });
    },
  } as unknown as Transaction;
  await moveOffsets(transaction, 'group', [{ topic: 'topic', partitions: [{ partition: 0, next: 7 }] }]);
  expect(calls).toBe(4);
  refusals[4] = 'INVALID_PRODUCER_EPOCH';
  await expect(moveOffsets(transaction, 'group', [])).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' });
});

test('a connection that breaks before the commit was asked for fails it as away, and the same commit goes through when tried again', async () => {
  const wire = newWire();
  const log = await openForTest({}, wire);
  const { input, outputs, group } = await withTopics(log);
  await log.append(input, recordsTo(0, valuesOf(3)));
  const seen: unknown[] = [];
  await log.subscribe(
    { topic: input, group },
    owning(async (partition, batch) => {
      wire.fate = (apiKey) => (apiKey === API.produce ? 'unanswered' : 'passes');
      const made = batch.records.map(({ value }) => output(outputs, String(value)));
      seen.push(await partition.commit(batch.to, made).catch((error) => error.code));
      wire.fate = () => 'passes';
      seen.push(await partition.commit(batch.to, made));
    }),
  );
  await eventually(() => expect(seen).toEqual(['log_away', 'committed']));
  await eventually(async () => expect(await textsOf(log, outputs)).toEqual(valuesOf(3)));
  await eventually(async () => expect(await log.committed(input, group)).toEqual([3]));
});

test('W4: commits without output cost few requests, and are all there when the subscription is closed', async () => {
  const wire = newWire();
  const log = await openForTest({}, wire);
  const group = unique('group');
  const input = await newTopic(log, 3, group);
  for (const partition of [0, 1, 2]) await log.append(input, recordsTo(partition, valuesOf(200)));
  let handled = 0;
  const begun = performance.now();
  const subscription = await log.subscribe(
    { topic: input, group, maxRecords: 2 },
    owning(async (partition, batch) => {
      expect(await partition.commit(batch.to, [])).toBe('committed');
      handled += batch.records.length;
    }),
  );
  await eventually(() => expect(handled).toBe(600));
  await subscription.close();
  const seconds = (performance.now() - begun) / 1000;
  expect(wire.sent(API.offsetCommit)).toBeLessThan(5 + seconds * 10);
  expect(await log.committed(input, group)).toEqual([200, 200, 200]);
});

test('W4: what was committed without output is there for the member that a partition goes to', async () => {
  const log = await openForTest();
  const other = await openForTest();
  const group = unique('group');
  const input = await newTopic(log, 2, group);
  for (const partition of [0, 1]) await log.append(input, recordsTo(partition, valuesOf(50)));
  const handed = new Map([
    [0, 0],
    [1, 0],
  ]);
  const work = owning(async (partition, batch) => {
    for (const _ of batch.records) await partition.commit(batch.to, []);
    handed.set(partition.partition, (handed.get(partition.partition) ?? 0) + batch.records.length);
  });
  await log.subscribe({ topic: input, group, maxRecords: 5 }, work);
  await eventually(() => expect([...handed.values()]).toEqual([50, 50]));
  const reads: (number | undefined)[] = [];
  await other.subscribe(
    { topic: input, group },
    owning(
      async () => undefined,
      ({ committed }) => reads.push(committed),
    ),
  );
  await eventually(async () => {
    for (const partition of [0, 1]) await log.append(input, recordsTo(partition, ['more']));
    expect(reads).toHaveLength(1);
  });
  expect(reads[0]).toBeGreaterThanOrEqual(50);
});

test('who reads only makes no producer, commits offsets, and may publish nothing', async () => {
  const wire = newWire();
  const log = await openForTest({}, wire);
  const { input, outputs, group } = await withTopics(log);
  await log.append(input, recordsTo(0, valuesOf(3)));
  const before = wire.sent(API.initProducerId);
  const seen: unknown[] = [];
  await log.subscribe(
    { topic: input, group, readOnly: true },
    owning(async (partition, batch) => {
      seen.push(await partition.commit(batch.to, [output(outputs, 'x')]).catch((error: unknown) => error));
      seen.push(await partition.commit(batch.to, []));
    }),
  );
  await eventually(() => expect(seen).toEqual([expect.any(Error), 'committed']));
  await eventually(async () => expect(await log.committed(input, group)).toEqual([3]));
  expect(wire.sent(API.initProducerId)).toBe(before);
  expect(await textsOf(log, outputs)).toEqual([]);
});

/**
 * Rates of the Kafka log: appends of 500 records, batches to an empty handler, transactions of one partition.
 * Usage: kafka.ts BROKER[,BROKER…] [RECORDS]. Makes topics of its own and leaves them behind.
 */
import { randomUUID } from 'node:crypto';
import { openKafkaLog } from '../src/kafka/index.ts';
import type { EventLog, OwnedPartition } from '../src/port.ts';

const [brokers = '', count = '300000'] = process.argv.slice(2);
if (brokers === '') throw new Error('Say which brokers: kafka.ts HOST:PORT[,HOST:PORT…] [RECORDS].');
const records = Number(count);
const partitions = 6;
const value = Buffer.alloc(330, 'x');
const log = await openKafkaLog({ brokers: brokers.split(',') });
const rows: { what: string; figure: string }[] = [];
const perSecond = (n: number, ms: number) => `${Math.round((n / ms) * 1000).toLocaleString('en')}/s`;

async function newTopic(group: string): Promise<string> {
  const name = `bench-${randomUUID()}`;
  await log.createTopics([{ name, partitions }], [{ topic: name, group }]);
  return name;
}

async function append(topic: string, total: number, inFlight: number): Promise<number> {
  let sent = 0;
  const begun = performance.now();
  const sender = async () => {
    while (sent < total) {
      const first = sent;
      sent += 500;
      await log.append(
        topic,
        Array.from({ length: 500 }, (_, n) => ({ key: `workflow-${(first + n) % 5000}`, value })),
      );
    }
  };
  await Promise.all(Array.from({ length: inFlight }, sender));
  return performance.now() - begun;
}

/** Hands all records of the topic to `work` once; ms from the first batch to the last. */
async function consume(topic: string, group: string, total: number, work: (partition: OwnedPartition, to: number) => Promise<void>) {
  const generations = new Map<number, number>();
  let seen = 0;
  let begun = 0;
  const { promise: all, resolve } = Promise.withResolvers<number>();
  const subscription = await log.subscribe({ topic, group }, async (partition, batch) => {
    if (generations.get(partition.partition) !== partition.generation) {
      const { committed, low } = await partition.takeOver();
      generations.set(partition.partition, partition.generation);
      begun ||= performance.now();
      return partition.seek(committed ?? low);
    }
    await work(partition, batch.to);
    seen += batch.records.length;
    if (seen >= total) resolve(performance.now() - begun);
  });
  const ms = await Promise.race([all, subscription.done.then(() => 0)]);
  await subscription.close();
  return ms;
}

async function transactions(events: EventLog, topic: string, group: string, outputs: number): Promise<number[]> {
  const out = await newTopic(`none-${randomUUID()}`);
  const made = Array.from({ length: outputs }, () => ({ topic: out, key: 'k', value }));
  const times: number[] = [];
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  let tookOver = false;
  const subscription = await events.subscribe({ topic, group, maxRecords: 50 }, async (partition, batch) => {
    if (partition.partition !== 0) return;
    if (!tookOver) await partition.takeOver();
    tookOver = true;
    const begun = performance.now();
    await partition.commit(batch.to, made);
    times.push(performance.now() - begun);
    if (times.length >= 300) resolve();
  });
  await Promise.race([enough, subscription.done]);
  await subscription.close();
  return times.sort((left, right) => left - right);
}

const quantile = (sorted: readonly number[], q: number) => (sorted[Math.floor(sorted.length * q)] ?? 0).toFixed(1);

const topic = await newTopic('bench-consume');
rows.push({ what: 'append, 500 records, one at a time', figure: perSecond(records, await append(topic, records, 1)) });
rows.push({ what: 'append, 500 records, four at a time', figure: perSecond(records, await append(await newTopic('bench'), records, 4)) });
rows.push({
  what: 'subscribe, empty handler',
  figure: perSecond(records, await consume(topic, 'bench-consume', records, async () => undefined)),
});
const committing = await consume(topic, 'bench-commit', records, async (partition, to) => void (await partition.commit(to, [])));
rows.push({ what: 'subscribe, commits without output', figure: perSecond(records, committing) });
for (const outputs of [1, 50, 500]) {
  const times = await transactions(log, topic, `bench-${randomUUID()}`, outputs);
  rows.push({ what: `transaction of ${outputs} outputs`, figure: `p50 ${quantile(times, 0.5)} ms, p95 ${quantile(times, 0.95)} ms` });
}
for (const { what, figure } of rows) console.log(`${what.padEnd(40)} ${figure}`);
await log.close();

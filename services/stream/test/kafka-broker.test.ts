/** A broker of this file's own: it dies and comes back, speaks TLS, and asks who is there. */
import { readFileSync } from 'node:fs';
import { type Kafka as Broker, startKafka } from '@idemtrace/local-services';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type KafkaLogOptions, type KafkaSasl, kafkaSettings, openKafkaLog } from '../src/kafka/index.ts';
import { eventually, newTopic, owning, recordsTo, textsOf, unique, valuesOf } from './kafka-log.ts';

const password = 'not-to-be-seen';
let broker: Broker;

beforeAll(async () => {
  broker = await startKafka({ sasl: { users: { agent: password } }, tls: true });
}, 120_000);
afterAll(() => broker.stop());

async function open(options: KafkaLogOptions) {
  const log = await openKafkaLog({ sessionTimeoutMs: 6000, ...options });
  onTestFinished(() => log.close());
  return log;
}

const ca = () => readFileSync(broker.certificates?.ca ?? '', 'utf8');
const user = (mechanism: KafkaSasl['mechanism'], secret = password): KafkaSasl => ({ mechanism, username: 'agent', password: secret });

for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
  test(`a log works for a user who comes by ${mechanism} over TLS: transactions, groups and all`, async () => {
    const log = await open({ brokers: broker.saslTlsBrokers, tls: { ca: ca() }, sasl: user(mechanism) });
    const group = unique('group');
    const [topic, outputs] = [await newTopic(log, 1, group), await newTopic(log)];
    await log.append(topic, recordsTo(0, valuesOf(3)));
    await log.subscribe(
      { topic, group },
      owning(async (partition, batch) => {
        await partition.commit(
          batch.to,
          batch.records.map(({ value }) => ({ topic: outputs, key: null, value: value ?? Buffer.alloc(0) })),
        );
      }),
    );
    await eventually(async () => expect(await textsOf(log, outputs)).toEqual(valuesOf(3)));
  });
}

test('TLS without a user works, and so does a user without TLS', async () => {
  const encrypted = await open({ brokers: broker.tlsBrokers, tls: { ca: ca() } });
  const named = await open({ brokers: broker.saslBrokers, sasl: user('scram-sha-512') });
  const topic = await newTopic(encrypted);
  await named.append(topic, recordsTo(0, ['x']));
  expect(await textsOf(encrypted, topic)).toEqual(['x']);
});

test('a wrong password is refused by its code, and no password is in any message', async () => {
  const messages: string[] = [];
  for (const mechanism of ['plain', 'scram-sha-256'] as const) {
    const wrong = `${password}-and-wrong`;
    const opening = openKafkaLog({
      brokers: broker.saslBrokers,
      sasl: user(mechanism, wrong),
      report: (_, message) => messages.push(message),
    });
    const error: unknown = await opening.catch((fault: unknown) => fault);
    expect(error).toMatchObject({ name: 'LogError', code: 'not_allowed' });
    messages.push(String(error));
  }
  expect(messages.length).toBeGreaterThan(2);
  expect(messages.filter((message) => message.includes(password))).toEqual([]);
});

test('a broker whose authority is unknown is not spoken to', async () => {
  await expect(openKafkaLog({ brokers: broker.tlsBrokers, tls: true })).rejects.toMatchObject({ name: 'LogError', code: 'log_away' });
});

test('what the client says goes to the callback, with its level', () => {
  const told: string[] = [];
  const { logCreator, logLevel } = kafkaSettings({
    brokers: [],
    sasl: user('plain'),
    report: (level, message) => told.push(`${level}: ${message}`),
  });
  const say = logCreator?.(logLevel ?? 0);
  const entry = (level: number, log: object) => ({
    namespace: 'Cluster',
    level,
    label: '',
    log: { timestamp: '', message: 'said', ...log },
  });
  say?.(entry(1, { error: `with ${password}` }));
  say?.(entry(2, {}));
  say?.(entry(4, {}));
  say?.(entry(1, { correlationId: 7 }));
  expect(told).toEqual([
    'error: Kafka client, Cluster: said: with …',
    'warn: Kafka client, Cluster: said',
    'info: Kafka client, Cluster: said',
    'info: Kafka client, Cluster: said',
  ]);
});

test('W4, W7: a broker killed in mid-work is waited for, and each output is there once', { timeout: 180_000 }, async () => {
  const log = await open({ brokers: broker.brokers });
  const group = unique('group');
  const [topic, outputs] = [await newTopic(log, 2, group), await newTopic(log, 2)];
  const total = 400;
  for (const partition of [0, 1]) await log.append(topic, recordsTo(partition, valuesOf(total, `${partition}-`)));
  const states = new Map<number, number>();
  const results: string[] = [];
  const subscription = await log.subscribe({ topic, group, maxRecords: 10 }, async (partition, batch) => {
    try {
      if (states.get(partition.partition) !== partition.generation) {
        const { committed, low } = await partition.takeOver();
        states.set(partition.partition, partition.generation);
        return partition.seek(committed ?? low);
      }
      const made = batch.records.map(({ value }) => ({ topic: outputs, key: null, value: Buffer.from(`of ${value}`) }));
      const result = await partition.commit(batch.to, made);
      results.push(result);
      if (result !== 'committed') states.delete(partition.partition);
    } catch (error) {
      // As the detector's loop does: it is away, so the batch is handed on again.
      if (!(error instanceof Error && 'code' in error && error.code === 'log_away')) throw error;
      results.push('log_away');
      states.delete(partition.partition);
    }
  });
  const done = subscription.done.then(
    () => 'closed',
    (error) => error,
  );
  await eventually(() => expect(results.length).toBeGreaterThan(10));
  await broker.kill();
  await expect(log.append(topic, recordsTo(0, ['while it is away']))).rejects.toMatchObject({ code: 'log_away' });
  await broker.restart();
  await eventually(
    async () => expect(await log.committed(topic, group)).toEqual((await log.bounds(topic)).map(({ high }) => high)),
    120_000,
  );
  const texts = await eventually(async () => {
    const published = await textsOf(log, outputs);
    expect(published.length).toBeGreaterThanOrEqual(2 * total);
    return published;
  });
  for (const partition of [0, 1]) {
    const expected = valuesOf(total, `of ${partition}-`);
    expect(texts.filter((text) => text.startsWith(`of ${partition}-`))).toEqual(expected);
  }
  await subscription.close();
  expect(await done).toBe('closed');
});

/** What a cluster must be as a whole: held against what brokers say of themselves, and against a real one. */
import { sharedKafka } from '@idemtrace/local-services/testing';
import { beforeAll, expect, test } from 'vitest';
import { compareBroker, compareOwnTopic } from '../src/kafka/cluster-check.ts';
import { checkKafkaCluster, groupsReading } from '../src/kafka/index.ts';
import { newTopic, openForTest, unique } from './kafka-log.ts';

beforeAll(async () => void (await sharedKafka()), 180_000);

const WANTED = { replicationFactor: 3, minInsyncReplicas: 2 };
const settings = (named: Readonly<Record<string, number>>) =>
  new Map(Object.entries(named).map(([name, value]) => [name, String(value)] as const));

test('W4: a broker that refuses transactions or sessions as long as ours, or commits them on one replica, is found', () => {
  const good = {
    'transaction.max.timeout.ms': 900_000,
    'group.min.session.timeout.ms': 6_000,
    'group.max.session.timeout.ms': 1_800_000,
    'transaction.state.log.min.isr': 2,
  };
  expect(compareBroker({ broker: '1', settings: settings(good) }, WANTED)).toEqual([]);
  const bad = { ...good, 'transaction.max.timeout.ms': 9_999, 'group.max.session.timeout.ms': 7_000, 'transaction.state.log.min.isr': 1 };
  expect(compareBroker({ broker: '2', settings: settings(bad) }, WANTED)).toEqual([
    { setting: 'broker 2, transaction.max.timeout.ms', actual: '9999', wanted: '10000' },
    { setting: 'broker 2, group.max.session.timeout.ms', actual: '7000', wanted: '8000' },
    { setting: 'broker 2, transaction.state.log.min.isr', actual: '1', wanted: '2' },
  ]);
  expect(compareBroker({ broker: '3', settings: new Map() }, WANTED)).toEqual([]);
});

test('W4: a topic of Kafka’s own is as replicated as its least replicated partition', () => {
  expect(compareOwnTopic({ name: '__transaction_state', replicas: [3, 1, 3] }, WANTED)).toEqual([
    { setting: 'topic __transaction_state, replication.factor', actual: '1', wanted: '3' },
  ]);
  expect(compareOwnTopic({ name: '__transaction_state', replicas: [3, 3] }, WANTED)).toEqual([]);
  expect(compareOwnTopic({ name: '__transaction_state', replicas: [] }, WANTED)).toEqual([]);
});

test('a real broker is asked for all of it, and groups that have read a topic are named', async () => {
  const { brokers } = await sharedKafka();
  const log = await openForTest();
  const group = unique('group');
  const topic = await newTopic(log, 1, group);
  expect(await checkKafkaCluster({ brokers }, { replicationFactor: 1, minInsyncReplicas: 1 })).toEqual([]);
  expect(await checkKafkaCluster({ brokers }, WANTED)).toEqual(
    expect.arrayContaining([
      { setting: 'broker 1, transaction.state.log.min.isr', actual: '1', wanted: '2' },
      { setting: 'topic __consumer_offsets, replication.factor', actual: '1', wanted: '3' },
    ]),
  );
  expect(await groupsReading({ brokers }, topic, [])).toEqual([group]);
  expect(await groupsReading({ brokers }, topic, [group])).toEqual([]);
  expect(await groupsReading({ brokers }, unique('missing'), [])).toEqual([]);
});

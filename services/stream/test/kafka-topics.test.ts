/** Topics of a real broker: how they are made, and what is found wrong with those that others made. */
import { sharedKafka } from '@idemtrace/local-services/testing';
import kafkajs from 'kafkajs';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { checkKafkaTopics, type TopicFinding } from '../src/kafka/index.ts';
import { compare } from '../src/kafka/topic-check.ts';
import { newTopic, openForTest, plainKafka, unique } from './kafka-log.ts';

// The run's broker is started by whoever asks first.
beforeAll(async () => void (await sharedKafka()), 180_000);

async function settingsOf(topic: string): Promise<ReadonlyMap<string, string>> {
  const admin = (await plainKafka()).admin();
  await admin.connect();
  const { ConfigResourceTypes } = kafkajs;
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
  });
  await admin.disconnect();
  return new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]));
}

test('topics are stamped by the log, keep what they are told to keep, and dead letters may be larger', async () => {
  const log = await openForTest({ replicationFactor: 1, minInsyncReplicas: 1 });
  const [events, letters] = [unique('events'), unique('letters')];
  const spec = { name: events, partitions: 2, retentionMs: 3_600_000, retentionBytes: 50_000_000 };
  const specs = [spec, { name: letters, partitions: 2, maxMessageBytes: 2_097_152 }];
  await log.createTopics(specs);
  expect(Object.fromEntries(await settingsOf(events))).toMatchObject({
    'message.timestamp.type': 'LogAppendTime',
    'cleanup.policy': 'delete',
    'retention.ms': '3600000',
    'retention.bytes': '50000000',
    'min.insync.replicas': '1',
  });
  expect(Object.fromEntries(await settingsOf(letters))).toMatchObject({ 'max.message.bytes': '2097152', 'retention.ms': '-1' });
  const value = Buffer.alloc(1_500_000, 'x');
  await expect(log.append(events, [{ key: null, value }])).rejects.toMatchObject({ code: 'record_too_large' });
  expect(await log.append(letters, [{ key: null, value, partition: 0 }])).toEqual([{ partition: 0, offset: 0 }]);
  const { brokers } = await sharedKafka();
  expect(await checkKafkaTopics({ brokers }, { specs, replicationFactor: 1, minInsyncReplicas: 1 })).toEqual([]);
});

test('whoever’s clock is wrong: a record’s log time is the broker’s', async () => {
  const log = await openForTest();
  const topic = await newTopic(log);
  const producer = (await plainKafka()).producer({ createPartitioner: () => () => 0 });
  await producer.connect();
  await producer.send({ topic, messages: [{ value: 'of the past', timestamp: '1000' }] });
  await producer.disconnect();
  await log.append(topic, [{ key: null, value: Buffer.from('now') }]);
  const times: number[] = [];
  for await (const { logTime } of log.tail(topic)) times.push(logTime);
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeLessThan(60_000);
});

test('a group with members of another topic gets its offset 0 too', async () => {
  const log = await openForTest();
  const group = unique('group');
  const busy = await newTopic(log, 1, group);
  let handled = 0;
  await log.append(busy, [{ key: null, value: Buffer.from('x') }]);
  await log.subscribe({ topic: busy, group }, async () => void handled++);
  await expect.poll(() => handled, { timeout: 30_000 }).toBe(1);
  const topic = await newTopic(log, 3, group);
  expect(await log.committed(topic, group)).toEqual([0, 0, 0]);
});

test('what is wrong with topics is named by topic and setting, with what is there and what is wanted', async () => {
  const admin = (await plainKafka()).admin();
  await admin.connect();
  onTestFinished(() => admin.disconnect());
  const [made, missing] = [unique('made'), unique('missing')];
  const configEntries = Object.entries({
    'retention.ms': '1000',
    'max.message.bytes': '5000',
    'cleanup.policy': 'compact',
    'unclean.leader.election.enable': 'true',
  });
  await admin.createTopics({
    topics: [{ topic: made, numPartitions: 4, configEntries: configEntries.map(([name, value]) => ({ name, value })) }],
  });
  const { brokers } = await sharedKafka();
  const specs = [
    { name: made, partitions: 6, retentionMs: 86_400_000, maxMessageBytes: 1_048_588 },
    { name: missing, partitions: 6 },
  ];
  const findings = await checkKafkaTopics({ brokers }, { specs, replicationFactor: 3, minInsyncReplicas: 2 });
  const expected: TopicFinding[] = [
    { topic: made, setting: 'partitions', actual: '4', wanted: '6' },
    { topic: made, setting: 'replication.factor', actual: '1', wanted: '3' },
    { topic: made, setting: 'min.insync.replicas', actual: '1', wanted: '2' },
    { topic: made, setting: 'message.timestamp.type', actual: 'CreateTime', wanted: 'LogAppendTime' },
    { topic: made, setting: 'cleanup.policy', actual: 'compact', wanted: 'delete' },
    { topic: made, setting: 'retention.ms', actual: '1000', wanted: '86400000' },
    { topic: made, setting: 'unclean.leader.election.enable', actual: 'true', wanted: 'false' },
    { topic: made, setting: 'max.message.bytes', actual: '5000', wanted: '1048588' },
    { topic: missing, setting: 'partitions', actual: null, wanted: '6' },
  ];
  expect(findings).toEqual(expected);
});

test('topics that are missing are each named, however many are asked for at once', async () => {
  const { brokers } = await sharedKafka();
  const specs = Array.from({ length: 12 }, () => ({ name: unique('missing'), partitions: 3 }));
  const findings = await checkKafkaTopics({ brokers }, { specs });
  expect(findings.map(({ topic, actual }) => [topic, actual])).toEqual(specs.map(({ name }) => [name, null]));
});

test('a bound that is wanted nowhere is a finding where the topic has one', () => {
  const settings = new Map(
    Object.entries({
      'message.timestamp.type': 'LogAppendTime',
      'cleanup.policy': 'delete',
      'retention.ms': '604800000',
      'retention.bytes': '-1',
    }),
  );
  const found = { partitions: 1, replicas: [3, 2, 3], settings };
  expect(compare({ name: 't', partitions: 1 }, found, { replicationFactor: 3 })).toEqual([
    { topic: 't', setting: 'replication.factor', actual: '2', wanted: '3' },
    { topic: 't', setting: 'retention.ms', actual: '604800000', wanted: '-1' },
  ]);
});

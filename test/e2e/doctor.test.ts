/** `doctor` on real services: every setting that would break the promise is found, named, and told how to mend. */
import { type Redis as LocalRedis, startKafka, startRedis, startRegistry } from '@idemtrace/local-services';
import { sharedClickHouse } from '@idemtrace/local-services/testing';
import { openLineage } from 'idemtrace/internal';
import { Redis } from 'ioredis';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { configOf, deploymentOn, type Environment } from '../support/pipeline.ts';
import { run, temporaryFolder } from '../support/program.ts';

interface Check {
  readonly name: string;
  readonly verdict: 'pass' | 'warn' | 'fail';
  readonly found: string;
  readonly mend?: string;
}

/** A broker on which hardly anything is as it must be. */
const SPOILT = {
  'transaction.max.timeout.ms': 5_000,
  'group.min.session.timeout.ms': 9_000,
  'group.max.session.timeout.ms': 60_000,
};

let services: Awaited<ReturnType<typeof start>>;
async function start() {
  const [kafka, registry, redis, clickhouse] = await Promise.all([startKafka(), startRegistry(), startRedis(), sharedClickHouse()]);
  return { kafka, registry, redis, clickhouse };
}
beforeAll(async () => {
  services = await start();
}, 240_000);
afterAll(async () => {
  await Promise.all([services.kafka, services.registry, services.redis].map((service) => service.stop()));
});

function environment(more: Environment = {}, redis: LocalRedis = services.redis): Environment {
  const { kafka, registry, clickhouse } = services;
  return deploymentOn({ brokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url, clickhouse }, more);
}

async function deployed(more: Environment = {}): Promise<{ readonly folder: string; readonly env: Environment }> {
  const [folder, env] = [await temporaryFolder(), environment(more)];
  for (const command of [
    ['topics', 'create'],
    ['lineage', 'migrate'],
  ])
    expect(await run(folder, command, env)).toMatchObject({ code: 0 });
  return { folder, env };
}

async function doctor(folder: string, env: Environment) {
  const { code, stdout, stderr } = await run(folder, ['doctor', '--json'], env);
  expect(stderr).not.toContain('failed:');
  const { checks } = JSON.parse(stdout) as { readonly checks: readonly Check[] };
  return { code, of: (name: string) => checks.find((check) => check.name === name), checks };
}

async function alter(topic: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: [...services.kafka.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }] });
  await admin.disconnect();
}

test('services as they should be pass, but for what a machine of development lacks', async () => {
  const { folder, env } = await deployed();
  const { code, checks, of } = await doctor(folder, env);
  expect(checks.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
  expect(code).toBe(0);
  // A single broker: told, and no failure here.
  expect(of('Kafka and registry, replication')).toMatchObject({ verdict: 'warn' });
  expect(of('brokers')).toMatchObject({ verdict: 'pass' });
  expect(of('Redis')).toMatchObject({ verdict: 'pass' });
});

test('a topic that forgets too early, may lose what was acknowledged, or is stamped by clocks of others fails', async () => {
  const { folder, env } = await deployed();
  const topic = env.IDEMTRACE_TOPICS_EVENTS ?? '';
  await alter(topic, {
    'retention.ms': '3600000',
    'unclean.leader.election.enable': 'true',
    'message.timestamp.type': 'CreateTime',
    'max.message.bytes': '2097152',
  });
  const { code, of } = await doctor(folder, env);
  expect(code).toBe(1);
  for (const setting of ['retention.ms', 'unclean.leader.election.enable', 'message.timestamp.type'])
    expect(of(`Kafka and registry, topic ${topic}, ${setting}`)).toMatchObject({ verdict: 'fail', mend: expect.stringContaining(setting) });
});

test('W5: retention that is configured shorter than a window and an eighth is refused before anything runs', async () => {
  const folder = await temporaryFolder();
  const { code, stderr } = await run(
    folder,
    ['doctor'],
    environment({ IDEMTRACE_TOPICS_RETENTION: '25h', IDEMTRACE_WINDOW_LENGTH: '24h' }),
  );
  expect(code).toBe(2);
  expect(stderr).toContain('lost windows could not be rebuilt');
});

test('W5: a log that was cut within the window is told with how far it reaches back', async () => {
  const { folder, env } = await deployed({ IDEMTRACE_TOPICS_PARTITIONS: '1' });
  const topic = env.IDEMTRACE_TOPICS_EVENTS ?? '';
  const kafka = new kafkajs.Kafka({ brokers: [...services.kafka.brokers], logLevel: kafkajs.logLevel.NOTHING });
  const [producer, admin] = [kafka.producer(), kafka.admin()];
  await producer.connect();
  await producer.send({ topic, messages: ['a', 'b', 'c'].map((value) => ({ value, partition: 0 })) });
  await producer.disconnect();
  await admin.connect();
  // It knows where a partition is once it was asked.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] });
  await admin.disconnect();
  const { code, of } = await doctor(folder, env);
  expect(code).toBe(1);
  expect(of('log')).toMatchObject({ verdict: 'fail', mend: expect.stringContaining('retention') });
});

test('brokers that refuse transactions or sessions of our length fail', async () => {
  const kafka = await startKafka({ properties: SPOILT });
  onTestFinished(() => kafka.stop());
  const folder = await temporaryFolder();
  const env = { ...environment(), IDEMTRACE_KAFKA_BROKERS: kafka.brokers.join(',') };
  const { code, of } = await doctor(folder, env);
  expect(code).toBe(1);
  expect(of('brokers, broker 1, transaction.max.timeout.ms')).toMatchObject({ verdict: 'fail', found: '5000, wanted 10000' });
  expect(of('brokers, broker 1, group.min.session.timeout.ms')).toMatchObject({ verdict: 'fail', found: '9000, wanted 8000' });
});

test('a Redis that evicts fails, one that forgets at a restart is warned of', async () => {
  const redis = await startRedis({ appendOnly: 'off', maxMemoryPolicy: 'allkeys-lru', maxMemory: '64mb' });
  onTestFinished(() => redis.stop());
  const folder = await temporaryFolder();
  const { code, of } = await doctor(folder, environment({}, redis));
  expect(code).toBe(1);
  expect(of('Redis, maxmemory-policy')).toMatchObject({ verdict: 'fail', mend: expect.stringContaining('noeviction') });
  expect(of('Redis, appendonly')).toMatchObject({ verdict: 'warn', mend: expect.stringContaining('appendonly yes') });
});

test('a Redis that is a replica fails: it takes no facts', async () => {
  const replica = await startRedis({ settings: { replicaof: `127.0.0.1 ${services.redis.port}` } });
  onTestFinished(() => replica.stop());
  const client = new Redis(replica.url);
  onTestFinished(() => client.disconnect());
  const { code, of } = await doctor(await temporaryFolder(), environment({}, replica));
  expect(code).toBe(1);
  expect(of('Redis, role')).toMatchObject({ verdict: 'fail', found: 'replica, wanted master' });
});

test('transactions that come near their timeout are told, with how long they took', async () => {
  const { folder, env } = await deployed();
  const { client, close } = await openLineage(configOf(env, folder));
  const sample = (value: number) => ({
    time: new Date().toISOString().replace('Z', ''),
    kind: 'detector',
    process: 'p',
    metric: 'commit_ms_p99',
    partition: -1,
    value,
  });
  await client.insert({ table: 'operational_samples', values: [sample(20)], format: 'JSONEachRow' });
  expect((await doctor(folder, env)).of('transactions')).toBeUndefined();
  await client.insert({ table: 'operational_samples', values: [sample(12_000)], format: 'JSONEachRow' });
  await close();
  expect((await doctor(folder, env)).of('transactions')).toMatchObject({ verdict: 'fail', found: expect.stringContaining('12000 ms') });
});

test('who reads the alerts beside idemtrace is named: how it reads, no broker tells', async () => {
  const { folder, env } = await deployed();
  const topic = env.IDEMTRACE_TOPICS_ALERTS ?? '';
  const admin = new kafkajs.Kafka({ brokers: [...services.kafka.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.setOffsets({ groupId: 'pager', topic, partitions: [{ partition: 0, offset: '0' }] });
  await admin.disconnect();
  expect((await doctor(folder, env)).of('subscribers of alerts')).toMatchObject({
    verdict: 'pass',
    found: expect.stringMatching(/^pager: .*read_committed/),
  });
});

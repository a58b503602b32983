/** Three brokers, each record on all of them and durable on two: whichever dies, leader or coordinator, nothing is lost and nothing comes twice. */
import {
  type ClickHouse,
  type KafkaCluster,
  type Redis,
  type Registry,
  startClickHouse,
  startKafkaCluster,
  startRedis,
  startRegistry,
} from '@idemtrace/local-services';
import { Kafka as KafkaClient, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { killed, type PlannedFault } from './faults/faults.ts';
import { closingLines, faultLine } from './report.ts';
import { runRound } from './round.ts';
import type { Deployment } from './stage/deployment.ts';

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));

let owned: { readonly kafka: KafkaCluster; readonly registry: Registry; readonly redis: Redis; readonly clickhouse: ClickHouse };

beforeAll(async () => {
  const [kafka, registry, redis, clickhouse] = await Promise.all([
    startKafkaCluster({ heapMiB: 384 }),
    startRegistry(),
    startRedis(),
    startClickHouse(),
  ]);
  owned = { kafka, registry, redis, clickhouse };
}, 240_000);

afterAll(async () => {
  await Promise.all([owned.kafka.stop(), owned.registry.stop(), owned.redis.stop(), owned.clickhouse.stop()]);
});

/** Kills the broker that leads a partition, and starts it again. */
function leaderKilled(kind: string, of: (deployment: Deployment) => { readonly topic: string; readonly partition: number }): PlannedFault {
  return {
    kind,
    kills: 1,
    async inject(deployment, random) {
      const { topic, partition } = of(deployment);
      const leader = await leaderOf(topic, partition);
      const node = owned.kafka.nodes[leader - 1];
      if (node === undefined) throw new Error(`no broker ${leader}`);
      await killed(node, random);
    },
  };
}

async function leaderOf(topic: string, partition: number): Promise<number> {
  const admin = new KafkaClient({ clientId: 'chaos', brokers: [...owned.kafka.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const found = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition);
    if (found === undefined) throw new Error(`${topic} has no partition ${partition}`);
    return found.leader;
  } finally {
    await admin.disconnect();
  }
}

const INTERNAL_PARTITIONS = 4;

/** The partition of an internal topic that keeps a group's offsets, or a transactional id's state: Java's hash of the name. */
function keptIn(name: string): number {
  let hash = 0;
  for (const unit of name) hash = (Math.imul(31, hash) + unit.charCodeAt(0)) | 0;
  return Math.abs(hash) % INTERNAL_PARTITIONS;
}

const eventsLeader = leaderKilled('leader of an events partition killed', ({ config }) => ({ topic: config.topics.events, partition: 0 }));
const alertsLeader = leaderKilled('leader of an alerts partition killed', ({ config }) => ({ topic: config.topics.alerts, partition: 1 }));
const groupCoordinator = leaderKilled('coordinator of the detectors killed', ({ config }) => ({
  topic: '__consumer_offsets',
  partition: keptIn(config.groups.detector),
}));
const transactionCoordinator = leaderKilled('coordinator of a transaction killed', ({ config }) => ({
  topic: '__transaction_state',
  partition: keptIn(`idemtrace/${config.groups.detector}/${config.topics.events}/0`),
}));

test(`W4, W7: of three brokers the leader and the coordinator are killed, and no alert is lost or published twice (seed ${SEED})`, async () => {
  const { kafka, registry, redis, clickhouse } = owned;
  const report = await runRound({
    services: { brokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url, clickhouse },
    more: { IDEMTRACE_KAFKA_REPLICATION_FACTOR: '3', IDEMTRACE_KAFKA_MIN_INSYNC_REPLICAS: '2' },
    seed: SEED,
    faults: [eventsLeader, groupCoordinator, alertsLeader, transactionCoordinator],
    events: 15_000,
    eventsPerSecond: 400,
    onFault: (fault) => console.log(faultLine(fault)),
  });
  for (const line of closingLines([report])) console.log(line);
  expect(report.differences.slice(0, 20)).toEqual([]);
  expect(report.records).toBeGreaterThanOrEqual(15_000);
}, 1_800_000);

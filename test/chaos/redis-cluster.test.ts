/** Windows on a Redis Cluster of three: each node is killed once, and comes back with its append-only file. */
import {
  type ClickHouse,
  type Kafka,
  type RedisCluster,
  type Registry,
  startClickHouse,
  startKafka,
  startRedisCluster,
  startRegistry,
} from '@idemtrace/local-services';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { killed, type PlannedFault } from './faults/faults.ts';
import { closingLines, faultLine } from './report.ts';
import { runRound } from './round.ts';

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));

let owned: { readonly kafka: Kafka; readonly registry: Registry; readonly redis: RedisCluster; readonly clickhouse: ClickHouse };

beforeAll(async () => {
  const [kafka, registry, redis, clickhouse] = await Promise.all([startKafka(), startRegistry(), startRedisCluster(), startClickHouse()]);
  owned = { kafka, registry, redis, clickhouse };
}, 240_000);

afterAll(async () => {
  await Promise.all([owned.kafka.stop(), owned.registry.stop(), owned.redis.stop(), owned.clickhouse.stop()]);
});

test(`W3, W5: each primary of a Redis Cluster is killed, and its partitions' windows are whole afterwards (seed ${SEED})`, async () => {
  const { kafka, registry, redis, clickhouse } = owned;
  const faults = redis.nodes.map(
    (node, index): PlannedFault => ({ kind: `primary ${index} of Redis killed`, kills: 1, inject: (_, random) => killed(node, random) }),
  );
  const report = await runRound({
    services: { brokers: kafka.brokers, registryUrl: registry.url, clickhouse },
    more: { IDEMTRACE_REDIS_NODES: redis.addresses.join(',') },
    seed: SEED,
    faults,
    events: 10_000,
    eventsPerSecond: 400,
    onFault: (fault) => console.log(faultLine(fault)),
  });
  for (const line of closingLines([report])) console.log(line);
  expect(report.differences.slice(0, 20)).toEqual([]);
  expect(report.records).toBeGreaterThanOrEqual(10_000);
}, 1_800_000);

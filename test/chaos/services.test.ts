/**
 * What dies once, on the real services: a detector in mid-batch, Redis, the broker, and every key of Redis. Each time the alerts (read by two
 * clients that share no code), the dead letters and the lineage are those of an undisturbed run.
 */
import { type Kafka, type Redis as RedisService, startClickHouse, startKafka, startRedis, startRegistry } from '@idemtrace/local-services';
import { writeCompany } from 'idemtrace/internal';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readByOtherClient } from '../support/other-client.ts';
import {
  append,
  configOf,
  deploymentOn,
  type Environment,
  eventsOf,
  lineageCountsOf,
  type Outcome,
  outcomeOf,
  type Services,
} from '../support/pipeline.ts';
import { type Running, run, running, temporaryFolder } from '../support/program.ts';

interface Owned {
  readonly kafka: Kafka;
  readonly redis: RedisService;
  readonly services: Services;
  stop(): Promise<void>;
}

let owned: Owned;
let undisturbed: Outcome;

beforeAll(async () => {
  const [kafka, registry, redis, clickhouse] = await Promise.all([startKafka(), startRegistry(), startRedis(), startClickHouse()]);
  owned = {
    kafka,
    redis,
    services: { brokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url, clickhouse },
    stop: async () => {
      await Promise.all([kafka.stop(), registry.stop(), redis.stop(), clickhouse.stop()]);
    },
  };
}, 240_000);

afterAll(() => owned.stop());

interface Scene {
  readonly folder: string;
  readonly env: Environment;
  readonly detectors: Running[];
}

/** Plays the company's day through two detectors and a sink; `disturb` is called once, when half of it is in the log. */
async function day(disturb: (scene: Scene) => Promise<void>) {
  const folder = await temporaryFolder();
  const { calls } = await writeCompany(42, folder);
  // Small batches: what is killed is killed between two of them, or within one.
  const env = deploymentOn(owned.services, { IDEMTRACE_BATCH_MAX_RECORDS: '20' });
  const config = configOf(env, folder);
  expect(await run(folder, ['topics', 'create'], env)).toMatchObject({ code: 0 });
  expect(await run(folder, ['lineage', 'migrate'], env)).toMatchObject({ code: 0 });
  const events = await eventsOf(calls);
  const [first, second, sink] = await Promise.all(['detector', 'detector', 'lineage-sink'].map((name) => running(folder, [name], env)));
  if (first === undefined || second === undefined || sink === undefined) throw new Error('unreachable');
  const scene: Scene = { folder, env, detectors: [first, second] };
  let disturbed: Promise<void> | undefined;
  await append(config, events, {
    pace: async (appended) => {
      if (appended >= events.length / 2) disturbed ??= disturb(scene);
    },
  });
  await disturbed;
  const outcome = await outcomeOf(config);
  const other = await readByOtherClient(config);
  expect(other.revisions.toSorted()).toEqual(outcome.revisions.toSorted());
  expect(new Set(outcome.revisions).size).toBe(outcome.revisions.length);
  expect(await lineageCountsOf(config, { events: events.length, revisions: outcome.revisions.length })).toMatchObject({
    events: events.length,
    alerts: outcome.alerts.size,
    alertRevisions: outcome.revisions.length,
    deadLetters: 0,
  });
  for (const { child, ended } of [...scene.detectors, sink]) {
    child.kill('SIGTERM');
    await ended;
  }
  return outcome;
}

async function expectUndisturbed(disturb: (scene: Scene) => Promise<void>): Promise<void> {
  const { alerts, revisions, deadLetters } = await day(disturb);
  expect(alerts).toEqual(undisturbed.alerts);
  expect(revisions.length).toBe(undisturbed.revisions.length);
  expect(deadLetters).toEqual(undisturbed.deadLetters);
}

test('an undisturbed day has alerts', async () => {
  undisturbed = await day(async () => {});
  expect(undisturbed.alerts.size).toBeGreaterThan(100);
}, 240_000);

test(
  'W4, W7: a detector that is killed in mid-batch loses no alert and publishes none twice',
  () =>
    expectUndisturbed(async ({ folder, env, detectors }) => {
      detectors[0]?.child.kill('SIGKILL');
      detectors[0] = await running(folder, ['detector'], env);
    }),
  240_000,
);

test(
  'W3, W5: Redis is killed, and comes back with its append-only file',
  () =>
    expectUndisturbed(async () => {
      await owned.redis.kill();
      await owned.redis.restart();
    }),
  240_000,
);

test(
  'W5: every key of Redis is gone, and the windows are rebuilt from the log',
  () =>
    expectUndisturbed(async () => {
      const client = new Redis(owned.redis.url);
      await client.flushall();
      client.disconnect();
    }),
  240_000,
);

test(
  'W4, W7: the broker is killed in the middle of transactions',
  () =>
    expectUndisturbed(async ({ folder, env, detectors }) => {
      await owned.kafka.kill();
      await owned.kafka.restart();
      // A detector whose client gave up has ended, to be started again as its supervisor would.
      for (const [index, { child }] of detectors.entries()) {
        if (child.exitCode !== null) detectors[index] = await running(folder, ['detector'], env);
      }
    }),
  240_000,
);

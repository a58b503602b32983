/** The same pipeline on real Kafka, registry, Redis and ClickHouse's engine: what it finds is what the embedded one finds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedClickHouse, sharedKafka, sharedRedis, sharedRegistry } from '@idemtrace/local-services/testing';
import type { Alert } from '@idemtrace/schemas';
import { writeCompany } from 'idemtrace/internal';
import { expect, test } from 'vitest';
import { readByOtherClient } from '../support/other-client.ts';
import {
  append,
  configOf,
  deploymentOn,
  type Environment,
  eventsOf,
  lineageCountsOf,
  outcome,
  outcomeOf,
  type Services,
} from '../support/pipeline.ts';
import { type Running, run, running, temporaryFolder } from '../support/program.ts';

const HASH_KEY: Environment = { IDEMTRACE_HASH_KEY_ID: 'test', IDEMTRACE_HASH_KEY_SECRET: 'a secret of at least thirty-two bytes' };

async function services(): Promise<Services> {
  const [kafka, registry, redis, clickhouse] = await Promise.all([sharedKafka(), sharedRegistry(), sharedRedis(), sharedClickHouse()]);
  return { brokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url, clickhouse };
}

async function deployed(folder: string, seed: number) {
  const { calls } = await writeCompany(seed, folder);
  const env = deploymentOn(await services(), HASH_KEY);
  const config = configOf(env, folder);
  for (const command of [
    ['topics', 'create'],
    ['topics', 'check'],
    ['lineage', 'migrate'],
  ]) {
    expect(await run(folder, command, env)).toMatchObject({ code: 0 });
  }
  return { calls, env, config };
}

/** What the embedded pipeline finds in a recording. */
async function embedded(folder: string, policy: string) {
  const args = ['replay', 'calls.ndjson', '--policy', policy, '--alerts', 'embedded.ndjson', '--json'];
  expect(await run(folder, args, HASH_KEY)).toMatchObject({ code: 0 });
  const lines = readFileSync(join(folder, 'embedded.ndjson'), 'utf8').trim().split('\n');
  return outcome(lines.map((line) => JSON.parse(line) as Alert));
}

test.each([42, 43])(
  'W4, L1: two detectors and a rebalance in the middle find on real services what the embedded pipeline finds (seed %i)',
  async (seed) => {
    const folder = await temporaryFolder();
    const { calls, env, config } = await deployed(folder, seed);
    const expected = await embedded(folder, env.IDEMTRACE_POLICY ?? '');
    const events = await eventsOf(calls);

    const [first, second, sink] = await Promise.all([
      running(folder, ['detector'], env),
      running(folder, ['detector'], env),
      running(folder, ['lineage-sink'], env),
    ]);
    let third: Running | undefined;
    await append(config, events, {
      pace: async (appended) => {
        if (appended < events.length / 2 || third !== undefined) return;
        // One leaves in good order, and another joins: partitions go round while events come in.
        second.child.kill('SIGTERM');
        third = await running(folder, ['detector'], env);
      },
    });
    const actual = await outcomeOf(config);
    expect(actual.alerts).toEqual(expected.alerts);
    expect(actual.deadLetters).toEqual([]);
    expect(new Set(actual.revisions).size).toBe(actual.revisions.length);
    expect((await readByOtherClient(config)).revisions.toSorted()).toEqual(actual.revisions.toSorted());
    expect(await lineageCountsOf(config, { events: events.length, revisions: actual.revisions.length })).toMatchObject({
      events: events.length,
      alerts: expected.alerts.size,
      deadLetters: 0,
    });
    expect(await second.ended).toBe(0);
    for (const part of [first, third, sink]) {
      part?.child.kill('SIGTERM');
      expect(await part?.ended).toBe(0);
    }
  },
  240_000,
);

test('replay --real prints what replay prints, and a second time finds nothing new', async () => {
  const folder = await temporaryFolder();
  const { env } = await deployed(folder, 44);
  const policy = env.IDEMTRACE_POLICY ?? '';
  const expected = await embedded(folder, policy);
  for (const round of ['first', 'second']) {
    const file = `${round}.ndjson`;
    expect(await run(folder, ['replay', 'calls.ndjson', '--real', '--policy', policy, '--alerts', file], env)).toMatchObject({ code: 0 });
    const lines = readFileSync(join(folder, file), 'utf8').trim().split('\n');
    const actual = outcome(lines.map((line) => JSON.parse(line) as Alert));
    expect(actual.alerts).toEqual(expected.alerts);
    expect(actual.revisions.length).toBe(expected.revisions.length);
  }
}, 240_000);

/** Three detectors under load, restarted one after the other: each alert once, and what was read is committed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedKafka, sharedRedis, sharedRegistry } from '@idemtrace/local-services/testing';
import type { Alert } from '@idemtrace/schemas';
import { writeCompany } from 'idemtrace/internal';
import { expect, test } from 'vitest';
import { readByOtherClient } from '../support/other-client.ts';
import { append, configOf, deploymentOn, eventsOf, outcome, outcomeOf } from '../support/pipeline.ts';
import { run, running, temporaryFolder } from '../support/program.ts';

const HASH_KEY = { IDEMTRACE_HASH_KEY_ID: 'test', IDEMTRACE_HASH_KEY_SECRET: 'a secret of at least thirty-two bytes' };

test('W4: three detectors that are restarted one after the other, under load, publish each alert once', async () => {
  const folder = await temporaryFolder();
  const { calls } = await writeCompany(45, folder);
  const [kafka, registry, redis] = await Promise.all([sharedKafka(), sharedRegistry(), sharedRedis()]);
  const services = { brokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url };
  // Small batches: there is always one under way.
  const env = deploymentOn(services, { ...HASH_KEY, IDEMTRACE_LINEAGE_MODE: 'off', IDEMTRACE_BATCH_MAX_RECORDS: '20' });
  const config = configOf(env, folder);
  expect(await run(folder, ['topics', 'create'], env)).toMatchObject({ code: 0 });
  const args = ['replay', 'calls.ndjson', '--policy', env.IDEMTRACE_POLICY ?? '', '--alerts', 'embedded.ndjson', '--json'];
  expect(await run(folder, args, HASH_KEY)).toMatchObject({ code: 0 });
  const lines = readFileSync(join(folder, 'embedded.ndjson'), 'utf8').trim().split('\n');
  const expected = outcome(lines.map((line) => JSON.parse(line) as Alert));

  const events = await eventsOf(calls);
  const detectors = await Promise.all([0, 1, 2].map(() => running(folder, ['detector'], env)));
  const restart = async (index: number) => {
    const before = detectors[index];
    before?.child.kill('SIGTERM');
    expect(await before?.ended).toBe(0);
    detectors[index] = await running(folder, ['detector'], env);
  };
  // One restart begins with each quarter of the day, and events come in meanwhile; the next waits for it.
  let restarts = 0;
  let restarting = Promise.resolve();
  await append(config, events, {
    pace: async (appended) => {
      if (restarts < detectors.length && appended >= (events.length * (1 + restarts)) / 4) {
        await restarting;
        restarting = restart(restarts);
        restarts += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    },
  });
  await restarting;
  expect(restarts).toBe(detectors.length);

  const actual = await outcomeOf(config);
  expect(actual.alerts).toEqual(expected.alerts);
  expect(actual.revisions.length).toBe(expected.revisions.length);
  expect(new Set(actual.revisions).size).toBe(actual.revisions.length);
  expect(actual.deadLetters).toEqual([]);
  expect((await readByOtherClient(config)).revisions.toSorted()).toEqual(actual.revisions.toSorted());
  for (const { child, ended } of detectors) {
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  }
}, 240_000);

/** A tenant is erased on real services: what can be deleted is deleted, and what the log must keep comes back nowhere. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRedis } from '@idemtrace/local-services';
import { sharedClickHouse, sharedKafka, sharedRegistry } from '@idemtrace/local-services/testing';
import { eventKey } from '@idemtrace/schemas';
import { openLineage, openStore } from 'idemtrace/internal';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { append, configOf, deploymentOn, type Environment, eventsOf, lineageCountsOf, outcomeOf } from '../support/pipeline.ts';
import { type Running, run, running, temporaryFolder, until } from '../support/program.ts';
import { CANARY, ERASED, KEPT, twoTenants } from '../support/two-tenants.ts';

interface Place {
  readonly store: string;
  readonly place: string;
  readonly found: number;
  readonly removed: number;
  readonly left: number;
  readonly note?: string;
}

async function end(...parts: readonly Running[]): Promise<void> {
  for (const { child, ended } of parts) {
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  }
}

async function erase(folder: string, env: Environment): Promise<ReadonlyMap<string, Place>> {
  const { code, stdout, stderr } = await run(folder, ['erase', '--tenant', ERASED, '--yes', '--json'], env);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const { places } = JSON.parse(stdout) as { readonly places: readonly Place[] };
  return new Map(places.map((place) => [place.place, place]));
}

/** Rows of the erased tenant, and of the one that stays, in every table that names tenants. */
async function tenantsIn(config: Parameters<typeof openLineage>[0]) {
  const { client, close } = await openLineage(config);
  try {
    const tables = ['run_events', 'tool_call_events', 'retrieval_events', 'alerts'].map((table) => `SELECT tenantId FROM ${table}`);
    const query = `SELECT countIf(tenantId = {erased:String}) AS erased, countIf(tenantId = {kept:String}) AS kept FROM (${tables.join(' UNION ALL ')})`;
    const result = await client.query({
      query,
      query_params: { erased: ERASED, kept: KEPT },
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    });
    const [row] = await result.json<{ readonly erased: number; readonly kept: number }>();
    return row;
  } finally {
    await close();
  }
}

test('W5: an erased tenant is in no window and no table, and neither a rebuild nor a sink that starts anew brings it back', async () => {
  const folder = await temporaryFolder();
  const [kafka, registry, redis, clickhouse] = await Promise.all([sharedKafka(), sharedRegistry(), startRedis(), sharedClickHouse()]);
  onTestFinished(() => redis.stop());
  const env = deploymentOn({ brokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url, clickhouse });
  const config = configOf(env, folder);
  await writeFile(join(folder, 'calls.ndjson'), twoTenants());
  for (const command of [
    ['topics', 'create'],
    ['topics', 'check'],
    ['lineage', 'migrate'],
  ]) {
    expect(await run(folder, command, env)).toMatchObject({ code: 0 });
  }
  const events = await eventsOf(join(folder, 'calls.ndjson'));
  const [detector, sink] = [await running(folder, ['detector'], env), await running(folder, ['lineage-sink'], env)];
  await append(config, events);
  const whole = await outcomeOf(config);
  await lineageCountsOf(config, { events: events.length, revisions: whole.revisions.length });
  const before = await tenantsIn(config);
  expect(before?.erased).toBeGreaterThan(100);

  const proof = await erase(folder, env);
  for (const place of ['Redis', 'run_events', 'tool_call_events', 'retrieval_events', 'alerts']) {
    const { found, removed, left } = proof.get(place) ?? {};
    expect({ place, left, removed }).toEqual({ place, left: 0, removed: found });
    expect(found).toBeGreaterThan(0);
  }
  expect(proof.get(config.topics.events)).toMatchObject({ found: events.length / 2, left: events.length / 2, removed: 0 });
  expect(proof.get(config.topics.events)?.note).toContain('stays in Kafka until');
  expect(await tenantsIn(config)).toEqual({ erased: 0, kept: before?.kept });
  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());

  // Subscribers of the program see the other tenant's alerts alone, and all of them.
  const seen = await outcomeOf(config).catch((error: Error) => error.message);
  expect(seen).toBe('no alert on the alerts topic');
  const printed = await run(folder, ['alerts', '--severity', 'info', '--json'], env);
  expect(printed.stdout).not.toContain(CANARY);
  const kept = printed.stdout.trim().split('\n').length;
  expect(kept).toBe(whole.revisions.length / 2);

  // Every window is lost, and rebuilt from a log that still holds the tenant.
  await client.flushall();
  const { log, codec, close } = await openStore(config);
  await log.append(
    config.topics.events,
    Array.from({ length: config.topics.partitions }, (_, partition) => ({
      key: eventKey(KEPT, 'bad'),
      value: Buffer.from('no record'),
      partition,
    })),
  );
  await until(async () => {
    const [bounds, committed] = await Promise.all([
      log.bounds(config.topics.events),
      log.committed(config.topics.events, config.groups.detector),
    ]);
    return bounds.every(({ high }, partition) => committed[partition] === high) || undefined;
  }, 'every partition to be judged again');
  expect((await client.keys('{windows-*')).filter((key) => !key.endsWith(':marker')).length).toBeGreaterThan(0);
  expect((await erase(folder, env)).get('Redis')).toMatchObject({ found: 0, left: 0 });
  let revisions = 0;
  for await (const record of log.tail(config.topics.alerts)) {
    const [decoded] = await codec.decode([record]);
    if (decoded?.ok && decoded.record.name === 'Alert') revisions += 1;
  }
  expect(revisions).toBe(kept);
  await close();
  await end(detector, sink);

  // A sink of a new group reads the log from its start into a new database.
  const anew = {
    ...env,
    IDEMTRACE_GROUPS_LINEAGE: `${env.IDEMTRACE_GROUPS_LINEAGE}-2`,
    IDEMTRACE_CLICKHOUSE_DATABASE: `${env.IDEMTRACE_CLICKHOUSE_DATABASE}_2`,
  };
  expect(await run(folder, ['lineage', 'migrate'], anew)).toMatchObject({ code: 0 });
  const second = await running(folder, ['lineage-sink'], anew);
  await lineageCountsOf(configOf(anew, folder), { events: events.length / 2, revisions: kept });
  expect(await tenantsIn(configOf(anew, folder))).toEqual({ erased: 0, kept: before?.kept });
  await end(second);
}, 240_000);

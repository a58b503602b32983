import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { applyRetention, migrate, retentionOf } from '../src/index.ts';
import { retentionStatement } from '../src/retention.ts';
import { parsed, startTestEngine, type TestEngine } from './support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(async () => {
  await engine.stop();
});

async function migrated(name: string): Promise<ClickHouseClient> {
  const client = await engine.database(name);
  await migrate(client);
  return client;
}

test('a retention that is applied again changes nothing; another one is a new rule, not a new migration', async () => {
  const client = await migrated('retention');
  const first = await applyRetention(client, retentionOf(90));
  expect(first.map(({ table }) => table).sort()).toEqual(['alerts', 'dead_letters', 'retrieval_events', 'run_events', 'tool_call_events']);
  expect(first.every(({ before, after }) => before === undefined && after === 90)).toBe(true);
  expect(await applyRetention(client, retentionOf(90))).toEqual([]);
  expect(await applyRetention(client, { ...retentionOf(90), alerts: 365 })).toEqual([{ table: 'alerts', before: 90, after: 365 }]);
  expect(await migrate(client)).toEqual([]);
});

test('samples are kept 30 days until something else is said', async () => {
  const client = await migrated('samples');
  expect(await applyRetention(client, { operational_samples: 30 })).toEqual([]);
  expect(await applyRetention(client, { operational_samples: 7 })).toEqual([{ table: 'operational_samples', before: 30, after: 7 }]);
});

test('a rule of another form is replaced', async () => {
  const client = await migrated('other_form');
  await client.command({ query: 'ALTER TABLE alerts MODIFY TTL toDateTime(insertedAt) + INTERVAL 1 YEAR' });
  expect(await applyRetention(client, { alerts: 30 })).toEqual([{ table: 'alerts', before: undefined, after: 30 }]);
});

test('rows go by the time of the log, not by the agent’s clock', async () => {
  const client = await migrated('by_log_time');
  const row = (reason: string, days: number) => ({
    reason,
    recordTime: new Date(Date.now() - days * 86_400_000).toISOString().replace('Z', ''),
  });
  await client.insert({
    table: 'dead_letters',
    columns: ['reason', 'recordTime'],
    values: [row('old', 40), row('young', 10)],
    format: 'JSONEachRow',
  });
  await applyRetention(client, { dead_letters: 30 });
  await client.command({ query: 'OPTIMIZE TABLE dead_letters FINAL' });
  const result = await client.query({ query: 'SELECT reason FROM dead_letters', format: 'JSONEachRow' });
  expect(await result.json()).toEqual([{ reason: 'young' }]);
});

test('what is no number of days is refused before anything changes', async () => {
  const client = await migrated('refused');
  for (const days of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    await expect(applyRetention(client, { run_events: 30, alerts: days })).rejects.toThrow(RangeError);
  }
  expect(await applyRetention(client, { run_events: 30 })).toHaveLength(1);
});

test('on a cluster it is the shards’ tables that age', async () => {
  const statement = retentionStatement('alerts', 30, { name: 'main' });
  expect(statement).toBe('ALTER TABLE `alerts_local` ON CLUSTER `main` MODIFY TTL toDateTime(recordTime) + INTERVAL 30 DAY');
  expect(await parsed(engine.client, [statement])).toHaveLength(1);
});

import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  applyRetention,
  checkLineage,
  connectLineage,
  type LineageCheckOptions,
  loadMigrations,
  migrate,
  retentionOf,
} from '../src/index.ts';
import { startTestEngine, type TestEngine } from './support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(async () => {
  await engine.stop();
});

/** What is found, but for the engine's own user, who may do everything. */
async function found(client: ClickHouseClient, options?: LineageCheckOptions) {
  const { findings } = await checkLineage(client, options);
  return findings.filter(({ setting }) => setting !== 'grants of this user');
}

async function migrated(name: string): Promise<ClickHouseClient> {
  const client = await engine.database(name);
  await migrate(client);
  await applyRetention(client, retentionOf(90));
  return client;
}

test('a database as it should be has no finding', async () => {
  const client = await migrated('fine');
  expect(await found(client, { retention: retentionOf(90) })).toEqual([]);
  expect((await checkLineage(client)).version).toMatch(/^\d+\.\d+/);
});

test('a server that is away is a finding, not a throw', async () => {
  const client = connectLineage({ url: 'http://127.0.0.1:1', username: 'nobody', password: '' });
  const { version, findings } = await checkLineage(client);
  expect(version).toBeUndefined();
  expect(findings).toEqual([expect.objectContaining({ severity: 'error', setting: 'server', actual: 'ECONNREFUSED' })]);
  await client.close();
});

test('a wrong password is told by ClickHouse’s word for it', async () => {
  const client = connectLineage({ url: engine.engine.url, username: 'idemtrace', password: 'wrong' });
  expect((await checkLineage(client)).findings).toEqual([expect.objectContaining({ setting: 'server', actual: 'AUTHENTICATION_FAILED' })]);
  await client.close();
});

test('a database without schema says what to run', async () => {
  const findings = await found(await engine.database('bare'));
  expect(findings[0]).toMatchObject({ severity: 'error', setting: 'schema', mend: expect.stringContaining('lineage migrate') });
});

test('a schema that is behind, ahead, or another one is told by the names of the migrations', async () => {
  const client = await migrated('versions');
  const migrations = await loadMigrations();
  const next = { name: '0099_next', sql: 'SELECT 1;' };
  expect(await found(client, { migrations: [...migrations, next] })).toEqual([
    expect.objectContaining({ severity: 'error', setting: 'schema version', actual: 'without 0099_next' }),
  ]);
  const last = migrations.at(-1)?.name;
  expect(await found(client, { migrations: migrations.slice(0, -1) })).toEqual([
    expect.objectContaining({ setting: 'schema version', actual: last }),
  ]);
  const edited = migrations.map((migration) => (migration.name === last ? { ...migration, sql: `${migration.sql}-- edited` } : migration));
  expect(await found(client, { migrations: edited })).toEqual([
    expect.objectContaining({ setting: 'schema version', actual: `another ${last}` }),
  ]);
});

test('a table or view that was dropped is named', async () => {
  const client = await migrated('dropped');
  await client.command({ query: 'DROP VIEW current_alerts' });
  await client.command({ query: 'DROP TABLE dead_letters SYNC' });
  const [first] = (await found(client)).filter(({ setting }) => setting === 'tables');
  expect(first).toMatchObject({ severity: 'error', actual: 'without dead_letters, current_alerts' });
});

test('rows that are kept for ever, or another time than configured, are found', async () => {
  const client = await migrated('retention_check');
  expect(await found(client, { retention: { alerts: 30 } })).toEqual([
    expect.objectContaining({ severity: 'warning', setting: 'alerts TTL', actual: '90 days', wanted: '30 days' }),
  ]);
  await client.command({ query: 'ALTER TABLE alerts REMOVE TTL' });
  expect(await found(client)).toEqual([expect.objectContaining({ setting: 'alerts TTL', actual: 'kept for ever' })]);
});

test('L1: a table that forgets which inserts it has taken is found, with the statement that mends it', async () => {
  const client = await migrated('deduplication');
  await client.command({ query: 'ALTER TABLE alerts MODIFY SETTING non_replicated_deduplication_window = 0' });
  const [finding] = await found(client);
  expect(finding).toMatchObject({
    severity: 'warning',
    setting: 'alerts.non_replicated_deduplication_window',
    actual: '0',
    wanted: '1000',
  });
  await client.command({ query: finding?.mend ?? '' });
  expect(await found(client)).toEqual([]);
});

test('a user that may do more than select and insert is found', async () => {
  const { findings } = await checkLineage(await migrated('grants'));
  expect(findings).toEqual([
    expect.objectContaining({ severity: 'warning', setting: 'grants of this user', actual: expect.stringContaining('ALTER') }),
  ]);
});

test('a cluster that the server does not know, and macros that it lacks, are found', async () => {
  const findings = await found(await migrated('cluster_check'), { cluster: { name: 'nowhere' } });
  const settings = findings.map(({ setting }) => setting);
  expect(settings).toEqual(expect.arrayContaining(['cluster', 'macros']));
  expect(findings.find(({ setting }) => setting === 'tables')?.actual).toContain('alerts_local');
});

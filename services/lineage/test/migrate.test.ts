import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadMigrations, migrate } from '../src/index.ts';
import { startTestEngine, type TestEngine } from './support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(async () => {
  await engine.stop();
});

async function names(client: ClickHouseClient): Promise<readonly string[]> {
  const result = await client.query({
    query: 'SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name',
    format: 'JSONEachRow',
  });
  return (await result.json<{ name: string }>()).map(({ name }) => name);
}

test('every migration runs once, in order, and a second start runs none', async () => {
  const client = await engine.database('once');
  const migrations = await loadMigrations();
  expect(await migrate(client)).toEqual(migrations.map(({ name }) => name));
  expect(await names(client)).toEqual(
    expect.arrayContaining([
      'alerts',
      'dead_letters',
      'executions',
      'retrieval_events',
      'run_events',
      'schema_migrations',
      'tool_call_events',
    ]),
  );
  expect(await migrate(client)).toEqual([]);
});

test('two that start at once end with the same schema and one history', async () => {
  const client = await engine.database('both');
  await Promise.all([migrate(client), migrate(client)]);
  expect(await migrate(client)).toEqual([]);
  const result = await client.query({
    query: 'SELECT name FROM schema_migrations GROUP BY name HAVING uniqExact(checksum) > 1',
    format: 'JSONEachRow',
  });
  expect(await result.json()).toEqual([]);
});

test('a migration that was changed after it ran is an error that names it', async () => {
  const client = await engine.database('changed');
  const before = { name: '0001_one', sql: 'CREATE TABLE IF NOT EXISTS one (n Int32) ENGINE = $REPLACING_MERGE_TREE ORDER BY n;' };
  await migrate(client, { migrations: [before] });
  const changed = migrate(client, { migrations: [{ ...before, sql: `${before.sql}\n-- edited` }] });
  await expect(changed).rejects.toMatchObject({ code: 'migration_changed', message: expect.stringContaining('0001_one') });
});

test('a migration that only a newer version knows is an error that names it', async () => {
  const client = await engine.database('newer');
  await migrate(client, { migrations: [{ name: '0009_future', sql: 'SELECT 1;' }] });
  await expect(migrate(client, { migrations: [] })).rejects.toMatchObject({
    code: 'migration_missing',
    message: expect.stringContaining('0009_future'),
  });
});

test('one that fails half-way is run again from its start', async () => {
  const client = await engine.database('failing');
  const first = 'CREATE TABLE IF NOT EXISTS one (n Int32) ENGINE = MergeTree ORDER BY n;\n';
  await expect(migrate(client, { migrations: [{ name: '0001_one', sql: `${first}CREATE TABLE broken;` }] })).rejects.toThrow();
  const mended = { name: '0001_one', sql: `${first}CREATE TABLE IF NOT EXISTS two (n Int32) ENGINE = MergeTree ORDER BY n;` };
  expect(await migrate(client, { migrations: [mended] })).toEqual(['0001_one']);
  expect(await names(client)).toEqual(['one', 'schema_migrations', 'two']);
});

test('a deployment’s variables go into every statement, and an unknown one is an error', async () => {
  const client = await engine.database('variables');
  const sql =
    '-- a comment; with a semicolon\nCREATE TABLE IF NOT EXISTS one $ON_CLUSTER (n Int32) ENGINE = $REPLACING_MERGE_TREE ORDER BY n;';
  await migrate(client, { migrations: [{ name: '0001_one', sql }], variables: { REPLACING_MERGE_TREE: 'SummingMergeTree' } });
  const result = await client.query({
    query: "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'one'",
    format: 'JSONEachRow',
  });
  expect(await result.json()).toEqual([{ engine: 'SummingMergeTree' }]);
  const unknown = migrate(client, {
    migrations: [
      { name: '0001_one', sql },
      { name: '0002_two', sql: 'SELECT $NOWHERE;' },
    ],
  });
  await expect(unknown).rejects.toMatchObject({ code: 'migration_invalid', message: expect.stringContaining('$NOWHERE') });
});

test('every table can be replicated on a cluster: nothing names its engine or leaves out where it is made', async () => {
  for (const { name, sql } of await loadMigrations()) {
    const created = sql.match(/CREATE (?:TABLE|VIEW) IF NOT EXISTS \w+ \$ON_CLUSTER/g) ?? [];
    expect(sql.match(/^CREATE /gm), name).toHaveLength(created.length);
    expect(sql, name).not.toMatch(/ENGINE = (?!\$)/);
  }
});

import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectLineage, createDatabase, loadMigrations, migrate } from '../src/index.ts';
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

test('a variable that there is not is an error that names it, before anything of its migration runs', async () => {
  const client = await engine.database('variables');
  const sql = 'CREATE TABLE IF NOT EXISTS one (n Int32) ENGINE = $MERGE_TREE ORDER BY n;\nSELECT $NOWHERE;';
  await expect(migrate(client, { migrations: [{ name: '0001_one', sql }] })).rejects.toMatchObject({
    code: 'migration_invalid',
    message: expect.stringContaining('$NOWHERE'),
  });
  expect(await names(client)).toEqual(['schema_migrations']);
});

test('a database that is missing is created, and one that is there is left as it is', async () => {
  const { url, username, password } = engine.engine;
  const address = { url, username, password, database: 'made `here`' };
  await createDatabase(address);
  const client = connectLineage(address);
  await migrate(client, { migrations: [] });
  await createDatabase(address);
  expect(await names(client)).toEqual(['schema_migrations']);
  await client.close();
});

/** A cluster cannot be had in a test: its statements are read, and parsed by the engine. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LineageCluster, loadMigrations, type Migration, MigrationError, migrate, migrationStatements } from '../src/index.ts';
import { parsed, startTestEngine, type TestEngine } from './support/engine.ts';

const CLUSTER: LineageCluster = { name: "main's" };
const TENANT_TABLES = ['run_events', 'tool_call_events', 'retrieval_events', 'alerts'];
const TABLES = [...TENANT_TABLES, 'dead_letters', 'operational_samples'];

let engine: TestEngine;
let migrations: readonly Migration[];
let statements: readonly string[];
beforeAll(async () => {
  engine = await startTestEngine();
  migrations = await loadMigrations();
  statements = migrations.flatMap((migration) => migrationStatements(migration, CLUSTER));
});
afterAll(async () => {
  await engine.stop();
});

function creating(name: string): string | undefined {
  return statements.find((statement) => new RegExp(`^CREATE (TABLE|VIEW) IF NOT EXISTS ${name} `).test(statement));
}

test('every statement runs on every server of the cluster, and is one that ClickHouse parses', async () => {
  for (const statement of statements) {
    expect(statement.match(/ON CLUSTER `main\\'s`/g), statement).toHaveLength(1);
    expect(statement, statement).not.toMatch(/\$[A-Z]/);
  }
  expect(await parsed(engine.client, statements)).toHaveLength(statements.length);
});

test('L1: a workflow lives on one shard, so that what follows one another is judged together', () => {
  for (const table of TENANT_TABLES) {
    expect(creating(table)).toContain(
      `AS ${table}_local\nENGINE = Distributed('main\\'s', currentDatabase(), '${table}_local', cityHash64(tenantId, workflowId))`,
    );
  }
});

test.each(TABLES)('%s has its rows in a replicated table of the shard, before the one that spans the shards', (table) => {
  const own = creating(`${table}_local`) ?? '';
  expect(own).toMatch(
    /ENGINE = Replicated(Replacing)?MergeTree\('\/clickhouse\/tables\/\{database\}\/\{table\}\/\{shard\}', '\{replica\}'\)/,
  );
  expect(statements.indexOf(own)).toBeLessThan(statements.indexOf(creating(table) ?? ''));
});

test('views name the same tables as on one server', () => {
  for (const statement of statements.filter((each) => each.startsWith('CREATE VIEW'))) expect(statement).not.toContain('_local');
});

test('what has run is kept in one table for all shards', async () => {
  const asked: string[] = [];
  const client = {
    command: async ({ query }: { query: string }) => void asked.push(query),
    query: async () => ({ json: async () => [] }),
    insert: async () => undefined,
  };
  await migrate(client as never, { migrations: [], cluster: CLUSTER });
  expect(asked).toHaveLength(1);
  expect(asked[0]).toContain(`ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{database}/{table}/all', '{shard}-{replica}')`);
});

test('paths and replica are the deployment’s where it says so', () => {
  const [own] = migrationStatements(
    { name: 'one', sql: 'CREATE TABLE IF NOT EXISTS one$LOCAL $ON_CLUSTER (n Int32) ENGINE = $MERGE_TREE $SHARD_BY(n) ORDER BY n;' },
    { name: 'main', path: '/lineage/{table}', replica: '{host}' },
  );
  expect(own).toContain("ReplicatedMergeTree('/lineage/{table}/{shard}', '{host}')");
});

describe('a later migration', () => {
  test('that adds a column adds it to the shard’s table and to the one before the shards', () => {
    const sql = 'ALTER TABLE alerts$LOCAL $ON_CLUSTER ADD COLUMN IF NOT EXISTS note String;';
    expect(migrationStatements({ name: '0009_note', sql }, { name: 'main' })).toEqual([
      'ALTER TABLE alerts_local ON CLUSTER `main` ADD COLUMN IF NOT EXISTS note String',
      'ALTER TABLE alerts ON CLUSTER `main` ADD COLUMN IF NOT EXISTS note String',
    ]);
    expect(migrationStatements({ name: '0009_note', sql }, undefined)).toEqual([
      'ALTER TABLE alerts  ADD COLUMN IF NOT EXISTS note String',
    ]);
  });

  test('whose table does not say what it is sharded by is an error that names it', () => {
    const sql = 'CREATE TABLE IF NOT EXISTS one$LOCAL $ON_CLUSTER (n Int32) ENGINE = $MERGE_TREE ORDER BY n;';
    expect(() => migrationStatements({ name: '0009_one', sql }, { name: 'main' })).toThrow(MigrationError);
    expect(() => migrationStatements({ name: '0009_one', sql }, { name: 'main' })).toThrow(/0009_one.*SHARD_BY/);
  });
});

test('every table and view can be made on a cluster: nothing names its engine, or leaves out where it is made', () => {
  for (const { name, sql } of migrations) {
    const created = sql.match(/^CREATE (?:TABLE IF NOT EXISTS \w+\$LOCAL|VIEW IF NOT EXISTS \w+) \$ON_CLUSTER/gm) ?? [];
    expect(sql.match(/^CREATE /gm), name).toHaveLength(created.length);
    expect(sql, name).not.toMatch(/ENGINE = (?!\$)/);
  }
});

test('T1: every view reads as who asks, whatever the server’s default is', () => {
  for (const statement of statements.filter((each) => each.startsWith('CREATE VIEW')))
    expect(statement).toContain(' SQL SECURITY INVOKER AS');
});

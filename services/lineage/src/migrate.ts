/** Brings a ClickHouse database to the schema of this version: each migration runs once, in order, and never changes afterwards. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { connectLineage, type LineageAddress } from './client.ts';
import { type LineageCluster, onCluster, statementsFor, UnknownVariable } from './deployment.ts';
import { quoteName } from './sql.ts';

export interface Migration {
  /** File name without its ending, e.g. `0001_events`; they run in the order of their names. */
  readonly name: string;
  /** Statements, each ended by a semicolon at the end of a line, with `$VARIABLE` where a deployment differs (deployment.ts). */
  readonly sql: string;
}

export interface MigrateOptions {
  /** Default: the files of infra/clickhouse/migrations. */
  readonly migrations?: readonly Migration[];
  /** Tables are replicated and sharded on it. Default: those of one server. */
  readonly cluster?: LineageCluster | undefined;
}

export type MigrationErrorCode = 'migration_changed' | 'migration_missing' | 'migration_invalid';

export class MigrationError extends Error {
  override readonly name = 'MigrationError';
  readonly code: MigrationErrorCode;
  constructor(code: MigrationErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The migrations of a folder, by default this repository's own. A bundle passes where it keeps them. */
export async function loadMigrations(
  folder: URL = new URL('../../../infra/clickhouse/migrations/', import.meta.url),
): Promise<readonly Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(files.map(async (file) => ({ name: file.slice(0, -4), sql: await readFile(new URL(file, folder), 'utf8') })));
}

const HISTORY = `CREATE TABLE IF NOT EXISTS schema_migrations $ON_CLUSTER
(
    name String,
    checksum FixedString(64),
    appliedAt DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = $REPLACING_MERGE_TREE_EVERYWHERE
ORDER BY (name, checksum)`;

/**
 * Runs what has not run yet in the client's database, and answers with the names of what it ran. Two that start at once do no harm, as far as
 * ClickHouse allows it without locks: every statement may run twice, and whoever comes second finds the same checksums.
 * Throws MigrationError where an applied migration has changed or is missing here, and what ClickHouse throws.
 */
export async function migrate(client: ClickHouseClient, options: MigrateOptions = {}): Promise<readonly string[]> {
  const migrations = options.migrations ?? (await loadMigrations());
  const [history] = migrationStatements({ name: 'schema_migrations', sql: HISTORY }, options.cluster);
  await define(client, history ?? '', options.cluster);
  const applied = await readHistory(client);
  checkHistory(migrations, applied);
  const ran: string[] = [];
  for (const migration of migrations) {
    const { name, sql } = migration;
    if (applied.has(name)) continue;
    for (const query of migrationStatements(migration, options.cluster)) await define(client, query, options.cluster);
    await client.insert({
      table: 'schema_migrations',
      columns: ['name', 'checksum'],
      values: [{ name, checksum: checksumOf(sql) }],
      format: 'JSONEachRow',
    });
    ran.push(name);
  }
  return ran;
}

/** How long the servers of a cluster have to follow, in seconds: less than the client waits, so that it is the server who says which one did not. */
const CLUSTER_TIMEOUT_S = '50';

/** Runs a statement that defines something, on every server of the cluster where there is one. */
export async function define(client: ClickHouseClient, query: string, cluster: LineageCluster | undefined): Promise<void> {
  await client.command({
    query,
    ...(cluster !== undefined && { clickhouse_settings: { distributed_ddl_task_timeout: CLUSTER_TIMEOUT_S } }),
  });
}

/** Creates the address's database where it is missing. Throws what ClickHouse throws. */
export async function createDatabase(address: LineageAddress, cluster?: LineageCluster): Promise<void> {
  const { database = 'default', ...server } = address;
  const client = connectLineage(server);
  try {
    await define(client, `CREATE DATABASE IF NOT EXISTS ${quoteName(database)} ${onCluster(cluster)}`.trim(), cluster);
  } finally {
    await client.close();
  }
}

export async function readHistory(client: ClickHouseClient): Promise<ReadonlyMap<string, readonly string[]>> {
  const result = await client.query({
    query: 'SELECT name, groupUniqArray(toString(checksum)) AS checksums FROM schema_migrations GROUP BY name',
    format: 'JSONEachRow',
  });
  const rows = await result.json<{ name: string; checksums: string[] }>();
  return new Map(rows.map(({ name, checksums }) => [name, checksums]));
}

function checkHistory(migrations: readonly Migration[], applied: ReadonlyMap<string, readonly string[]>): void {
  const known = new Map(migrations.map(({ name, sql }) => [name, checksumOf(sql)]));
  for (const [name, checksums] of applied) {
    const checksum = known.get(name);
    if (checksum === undefined) {
      throw new MigrationError(
        'migration_missing',
        `Migration ${name} has been applied here but is unknown to this version: a newer one has run`,
      );
    }
    if (checksums.some((other) => other !== checksum)) {
      throw new MigrationError(
        'migration_changed',
        `Migration ${name} has changed since it was applied: add a new one instead of editing it`,
      );
    }
  }
}

export function checksumOf(sql: string): string {
  return createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex');
}

/** What `migrate` runs for a migration, in order. Throws MigrationError `migration_invalid`. */
export function migrationStatements({ name, sql }: Migration, cluster: LineageCluster | undefined): readonly string[] {
  try {
    return statementsOf(sql).flatMap((statement) => statementsFor(statement, cluster));
  } catch (error) {
    if (!(error instanceof UnknownVariable)) throw error;
    throw new MigrationError('migration_invalid', `Migration ${name} cannot be run: ${error.message}`);
  }
}

function statementsOf(sql: string): readonly string[] {
  return sql
    .split(/;[ \t]*(?:\r?\n|$)/)
    .map((statement) => statement.replace(/^(?:\s*--[^\n]*(?:\n|$))+/, '').trim())
    .filter((statement) => statement !== '');
}

/** Brings a ClickHouse database to the schema of this version: each migration runs once, in order, and never changes afterwards. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { ClickHouseClient } from '@clickhouse/client';

export interface Migration {
  /** File name without its ending, e.g. `0001_events`; they run in the order of their names. */
  readonly name: string;
  /** Statements, each ended by a semicolon at the end of a line, with `$VARIABLE` where a deployment differs. */
  readonly sql: string;
}

/** What a deployment puts into the migrations. Defaults are a single server's. */
export interface MigrationVariables {
  /** `ON CLUSTER name`, or nothing. */
  readonly ON_CLUSTER?: string;
  /** Engine of tables whose rows collapse by sorting key, e.g. `ReplicatedReplacingMergeTree(path, replica)`. */
  readonly REPLACING_MERGE_TREE?: string;
}

export interface MigrateOptions {
  /** Default: the files of infra/clickhouse/migrations. */
  readonly migrations?: readonly Migration[];
  readonly variables?: MigrationVariables;
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

const DEFAULT_VARIABLES: Required<MigrationVariables> = { ON_CLUSTER: '', REPLACING_MERGE_TREE: 'ReplacingMergeTree' };

const HISTORY = `CREATE TABLE IF NOT EXISTS schema_migrations $ON_CLUSTER
(
    name String,
    checksum FixedString(64),
    appliedAt DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = $REPLACING_MERGE_TREE
ORDER BY (name, checksum)`;

/**
 * Runs what has not run yet in the client's database, and answers with the names of what it ran. Two that start at once do no harm, as far as
 * ClickHouse allows it without locks: every statement may run twice, and whoever comes second finds the same checksums.
 * Throws MigrationError where an applied migration has changed or is missing here, and what ClickHouse throws.
 */
export async function migrate(client: ClickHouseClient, options: MigrateOptions = {}): Promise<readonly string[]> {
  const migrations = options.migrations ?? (await loadMigrations());
  const variables = { ...DEFAULT_VARIABLES, ...options.variables };
  await client.command({ query: substitute(HISTORY, variables, 'schema_migrations') });
  const applied = await readHistory(client);
  checkHistory(migrations, applied);
  const ran: string[] = [];
  for (const { name, sql } of migrations) {
    if (applied.has(name)) continue;
    for (const statement of statementsOf(sql)) await client.command({ query: substitute(statement, variables, name) });
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

async function readHistory(client: ClickHouseClient): Promise<ReadonlyMap<string, readonly string[]>> {
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

function checksumOf(sql: string): string {
  return createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex');
}

function statementsOf(sql: string): readonly string[] {
  return sql
    .split(/;[ \t]*(?:\r?\n|$)/)
    .map((statement) => statement.replace(/^(?:\s*--[^\n]*(?:\n|$))+/, '').trim())
    .filter((statement) => statement !== '');
}

function substitute(sql: string, variables: Required<MigrationVariables>, name: string): string {
  return sql.replace(/\$([A-Z_]+)/g, (_, variable: string) => {
    const value = (variables as Readonly<Record<string, string | undefined>>)[variable];
    if (value === undefined) throw new MigrationError('migration_invalid', `Migration ${name} names an unknown variable $${variable}`);
    return value;
  });
}

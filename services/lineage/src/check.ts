/** What of a ClickHouse server would break lineage, or let it forget or tell too much; and how to mend it. */
import type { ClickHouseClient } from '@clickhouse/client';
import { HISTORY_TABLE, OPERATOR_TABLES, OPERATOR_VIEWS, TENANT_TABLES, TENANT_VIEWS } from './access.ts';
import { type LineageCluster, storedIn } from './deployment.ts';
import { checksumOf, loadMigrations, type Migration, readHistory } from './migrate.ts';
import { AGING_TABLES, type AgingTable, currentRetention, type RetentionDays } from './retention.ts';
import { errorCodeOf } from './sink/insert.ts';

export interface LineageFinding {
  /** `error`: something does not work, or is not held; `warning`: it works, with less than is wanted. */
  readonly severity: 'error' | 'warning';
  readonly setting: string;
  readonly actual: string;
  readonly wanted: string;
  /** What to do. */
  readonly mend: string;
}

export interface LineageCheckOptions {
  readonly cluster?: LineageCluster | undefined;
  /** What the tables should keep. Default: any retention will do. */
  readonly retention?: RetentionDays;
  /** Default: this repository's own. */
  readonly migrations?: readonly Migration[];
}

export interface LineageCheck {
  /** The server's version; undefined where it does not answer. */
  readonly version: string | undefined;
  readonly findings: readonly LineageFinding[];
}

/** Views with parameters, SQL SECURITY and grants that replace others are all there from this version on. */
const LEAST_VERSION = [24, 3] as const;
const MIGRATE = 'Run `idemtrace lineage migrate` as a user that may create tables.';

/** Looks, and changes nothing. A server that is away is a finding too; throws only what is no answer of a server. */
export async function checkLineage(client: ClickHouseClient, options: LineageCheckOptions = {}): Promise<LineageCheck> {
  let server: { readonly version: string; readonly timeZone: string } | undefined;
  try {
    [server] = await ask<{ version: string; timeZone: string }>(client, 'SELECT version() AS version, serverTimezone() AS timeZone');
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === 'UNKNOWN_DATABASE') {
      return {
        version: undefined,
        findings: [{ severity: 'error', setting: 'database', actual: 'is not there', wanted: 'the tables of lineage', mend: MIGRATE }],
      };
    }
    const mend = 'Check that ClickHouse runs, and clickhouse.url, username, password, database and tls.';
    return { version: undefined, findings: [{ severity: 'error', setting: 'server', actual: code, wanted: 'an answer', mend }] };
  }
  const checks = [
    async () => checkServer(server),
    () => checkSchema(client, options),
    () => checkDeduplication(client, options),
    () => checkRetention(client, options),
    () => checkGrants(client),
    () => checkCluster(client, options.cluster),
  ];
  const findings: LineageFinding[] = [];
  for (const check of checks) findings.push(...(await check()));
  return { version: server?.version, findings };
}

async function ask<T>(client: ClickHouseClient, query: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<readonly T[]> {
  const result = await client.query({ query, query_params: parameters, format: 'JSONEachRow' });
  return result.json<T>();
}

function checkServer(server: { readonly version: string; readonly timeZone: string } | undefined): readonly LineageFinding[] {
  const { version = '', timeZone = '' } = server ?? {};
  const findings: LineageFinding[] = [];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1])) {
    findings.push({
      severity: 'error',
      setting: 'server version',
      actual: version,
      wanted: `${LEAST_VERSION.join('.')} or later`,
      mend: 'Upgrade ClickHouse.',
    });
  }
  if (!/^(Etc\/)?(UTC|UCT|Zulu|Universal|GMT)$/.test(timeZone)) {
    findings.push({
      severity: 'warning',
      setting: 'server time zone',
      actual: timeZone,
      wanted: 'UTC',
      mend: 'Lineage counts days in UTC whatever this says; set <timezone>UTC</timezone> so that your own queries agree with it.',
    });
  }
  return findings;
}

async function checkSchema(client: ClickHouseClient, { migrations, cluster }: LineageCheckOptions): Promise<readonly LineageFinding[]> {
  const tables = new Set(
    (await ask<{ name: string }>(client, 'SELECT name FROM system.tables WHERE database = currentDatabase()')).map(({ name }) => name),
  );
  if (!tables.has(HISTORY_TABLE)) {
    return [{ severity: 'error', setting: 'schema', actual: 'none in this database', wanted: 'the tables of lineage', mend: MIGRATE }];
  }
  const findings: LineageFinding[] = [];
  const known = migrations ?? (await loadMigrations());
  const applied = await readHistory(client);
  const pending = known.filter(({ name }) => !applied.has(name)).map(({ name }) => name);
  const changed = known
    .filter(({ name, sql }) => applied.get(name)?.some((checksum) => checksum !== checksumOf(sql)))
    .map(({ name }) => name);
  const newer = [...applied.keys()].filter((name) => !known.some((migration) => migration.name === name));
  if (pending.length > 0) {
    findings.push({
      severity: 'error',
      setting: 'schema version',
      actual: `without ${pending.join(', ')}`,
      wanted: known.at(-1)?.name ?? '',
      mend: MIGRATE,
    });
  }
  if (changed.length > 0) {
    findings.push({
      severity: 'error',
      setting: 'schema version',
      actual: `another ${changed.join(', ')}`,
      wanted: 'the migrations of this version',
      mend: 'The database was made by a build of its own: use another database, or that build.',
    });
  }
  if (newer.length > 0) {
    findings.push({
      severity: 'error',
      setting: 'schema version',
      actual: newer.join(', '),
      wanted: known.at(-1)?.name ?? '',
      mend: 'A newer version of idemtrace has migrated this database: run that version.',
    });
  }
  const wanted = [...TENANT_TABLES, ...OPERATOR_TABLES].flatMap((table) =>
    cluster === undefined ? [table] : [table, storedIn(table, cluster)],
  );
  const missing = [...wanted, ...TENANT_VIEWS, ...OPERATOR_VIEWS].filter((name) => !tables.has(name));
  if (pending.length === 0 && missing.length > 0) {
    findings.push({
      severity: 'error',
      setting: 'tables',
      actual: `without ${missing.join(', ')}`,
      wanted: 'every table and view',
      mend: 'They were dropped, or this user may not see them: grant it SELECT, else restore them (the events are in Kafka for its retention).',
    });
  }
  return findings;
}

/** Without it an insert whose answer was lost, and which is sent again, adds rows; queries count them once, and disk and merges pay. */
async function checkDeduplication(client: ClickHouseClient, { cluster }: LineageCheckOptions): Promise<readonly LineageFinding[]> {
  const rows = await ask<{ name: string; engine: string; settings: string }>(
    client,
    'SELECT name, engine, engine_full AS settings FROM system.tables WHERE database = currentDatabase() AND name IN {names:Array(String)}',
    { names: [...TENANT_TABLES, 'dead_letters'].map((table) => storedIn(table, cluster)) },
  );
  return rows.flatMap(({ name, engine, settings }): readonly LineageFinding[] => {
    const setting = engine.startsWith('Replicated') ? 'replicated_deduplication_window' : 'non_replicated_deduplication_window';
    const value = new RegExp(`\\b${setting} = (\\d+)`).exec(settings)?.[1];
    const off = value === '0' || (value === undefined && setting === 'non_replicated_deduplication_window');
    if (!off) return [];
    const mend = `ALTER TABLE ${name} MODIFY SETTING ${setting} = 1000`;
    return [{ severity: 'warning', setting: `${name}.${setting}`, actual: value ?? '0', wanted: '1000', mend }];
  });
}

async function checkRetention(client: ClickHouseClient, { retention, cluster }: LineageCheckOptions): Promise<readonly LineageFinding[]> {
  const current = await currentRetention(client, cluster);
  return (Object.keys(AGING_TABLES) as AgingTable[]).flatMap((table): readonly LineageFinding[] => {
    const [days, wanted] = [current.get(table), retention?.[table]];
    if (days !== undefined && (wanted === undefined || days === wanted)) return [];
    return [
      {
        severity: 'warning',
        setting: `${table} TTL`,
        actual: days === undefined ? 'kept for ever' : `${days} days`,
        wanted: wanted === undefined ? 'some days' : `${wanted} days`,
        mend: 'Set lineage.retention, and run `idemtrace lineage migrate`, which applies it.',
      },
    ];
  });
}

const NEEDED = new Set(['SELECT', 'INSERT']);
const PRIVILEGES = /^GRANT (.+?) ON /;

/** Sink, dashboards and queries select and insert; whoever may do more could change what the lineage says. */
async function checkGrants(client: ClickHouseClient): Promise<readonly LineageFinding[]> {
  const rows = await ask<Readonly<Record<string, string>>>(client, 'SHOW GRANTS FINAL').catch(() => []);
  const granted = rows
    .flatMap((row) => Object.values(row))
    .flatMap(
      (grant) =>
        PRIVILEGES.exec(grant)?.[1]
          ?.replace(/\([^)]*\)/g, '')
          .split(', ') ?? [],
    );
  const wide = [...new Set(granted)].filter((privilege) => !NEEDED.has(privilege));
  if (wide.length === 0) return [];
  const [shown, rest] = [wide.slice(0, 5).join(', '), wide.length - 5];
  return [
    {
      severity: 'warning',
      setting: 'grants of this user',
      actual: `${shown}${rest > 0 ? ` and ${rest} more` : ''}`,
      wanted: 'SELECT and INSERT on its tables',
      mend: 'Run the SQL of `idemtrace lineage access`, and use its users: one that inserts, one that reads, one that migrates.',
    },
  ];
}

async function checkCluster(client: ClickHouseClient, cluster: LineageCluster | undefined): Promise<readonly LineageFinding[]> {
  if (cluster === undefined) return [];
  const findings: LineageFinding[] = [];
  const servers = await ask<{ shard: number; replica: number; errors: number }>(
    client,
    'SELECT shard_num AS shard, replica_num AS replica, errors_count AS errors FROM system.clusters WHERE cluster = {name:String}',
    { name: cluster.name },
  ).catch(() => undefined);
  if (servers?.length === 0) {
    const mend =
      'Add it to remote_servers of every server, with a <secret>: without one the shards do not know who asks, and row policies show nothing.';
    findings.push({ severity: 'error', setting: 'cluster', actual: 'none of this name', wanted: cluster.name, mend });
  }
  const macros = await ask<{ macro: string }>(client, 'SELECT macro FROM system.macros').catch(() => undefined);
  const missing = ['shard', 'replica'].filter((name) => macros !== undefined && !macros.some(({ macro }) => macro === name));
  if (missing.length > 0) {
    const mend = 'Set them in <macros> of every server: shard the same for its replicas, replica unique within it.';
    findings.push({ severity: 'error', setting: 'macros', actual: `without ${missing.join(', ')}`, wanted: 'shard, replica', mend });
  }
  return findings;
}

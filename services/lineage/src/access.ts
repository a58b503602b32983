/**
 * Who may do what in ClickHouse, as SQL that an administrator runs: an INSERT-only user for the sink, one that migrates, one that reads for the
 * operators' dashboards, and one a tenant that reads its own rows alone. Statements may run again, after a tenant was added say.
 *
 * Row policies fail closed (T1): everybody has one that shows nothing, and another one adds what a role may see. So a user that was forgotten,
 * a shard that does not know who asks, or an administrator that is not named as operator sees no row, not all of them. It was not run against a
 * server here: the statements are generated, and parsed by the engine.
 */
import { createHash } from 'node:crypto';
import { type LineageCluster, LOCAL_SUFFIX, onCluster } from './deployment.ts';
import { ANSWER_SETTINGS } from './queries/ask.ts';
import { quoteName, quoteText } from './sql.ts';

export interface AccessOptions {
  readonly database: string;
  readonly cluster?: LineageCluster | undefined;
  /** Each gets a user that reads its rows alone. */
  readonly tenants?: readonly string[];
  /** Users and roles of the server that see every tenant's rows, beside the dashboards' user: e.g. an administrator. */
  readonly operators?: readonly string[];
  /** What users log in with. One that is left out keeps what it has; a new one cannot log in. */
  readonly logins?: {
    readonly sink?: PasswordHash;
    readonly migrator?: PasswordHash;
    readonly dashboard?: PasswordHash;
    readonly tenants?: Readonly<Record<string, PasswordHash>>;
  };
  readonly limits?: Partial<ReadLimits>;
}

/** What a query of a reader may take; a dashboard can ask for less time, never for more. */
export interface ReadLimits {
  /** Default 30, of which a request may take back any, and at most 60. */
  readonly seconds: number;
  /** Rows read from tables, default 2,000,000,000; rows of an answer, default 100,000. */
  readonly rowsRead: number;
  readonly rowsAnswered: number;
  /** Default 4 GiB. */
  readonly memoryBytes: number;
}

const LIMITS: ReadLimits = { seconds: 30, rowsRead: 2_000_000_000, rowsAnswered: 100_000, memoryBytes: 4 * 2 ** 30 };
const MOST_SECONDS = 60;

/** A password as ClickHouse keeps it, so that no statement, and no query log, holds the password. */
export interface PasswordHash {
  /** SHA-256 of password and salt, one after the other, in hex. */
  readonly sha256: string;
  readonly salt: string;
}

export function hashPassword(password: string, salt: string): PasswordHash {
  return { sha256: createHash('sha256').update(password).update(salt).digest('hex'), salt };
}

/** Tables whose rows are a tenant's, and what is asked through them. A reader of a view needs the tables below it. */
export const TENANT_TABLES = ['run_events', 'tool_call_events', 'retrieval_events', 'alerts'] as const;
export const TENANT_VIEWS = [
  'run_events_once',
  'tool_call_events_once',
  'retrieval_events_once',
  'events',
  'executions',
  'current_alerts',
  'dashboard_alerts',
  'dashboard_executions',
  'dashboard_foreign_documents',
  'dashboard_tenants',
] as const;
/** Tables that no tenant reads. */
export const OPERATOR_TABLES = ['dead_letters', 'operational_samples'] as const;
export const OPERATOR_VIEWS = [
  'dead_letters_once',
  'dashboard_dead_letters',
  'dashboard_counted',
  'dashboard_arrivals',
  'dashboard_sequence_gaps',
] as const;
export const HISTORY_TABLE = 'schema_migrations';

/** Nothing hashes to it: who has it cannot log in. */
const NO_PASSWORD: PasswordHash = { sha256: '0'.repeat(64), salt: '' };

/**
 * Users that `accessStatements` makes for a database. The role of each is called `role:` and the user's name: an ending would not do, since
 * ClickHouse looks for users and roles of one name, and a tenant may be called like another one with that ending.
 */
export function accessNames(database: string) {
  return {
    sink: `${database}_sink`,
    migrator: `${database}_migrator`,
    dashboard: `${database}_dashboard`,
    tenant: (tenantId: string) => `${database}_tenant:${tenantId}`,
  };
}

/** Throws SqlTextError where a name is none. */
export function accessStatements(options: AccessOptions): readonly string[] {
  const { database, cluster, tenants = [], operators = [], logins = {} } = options;
  const names = accessNames(database);
  const on = cluster === undefined ? '' : ` ${onCluster(cluster)}`;
  const qualified = (table: string): string => `${quoteName(database)}.${quoteName(table)}`;
  const role = (user: string): string => quoteName(`role:${user}`);
  /** Both tables of a cluster: a reader of the Distributed one reads the shard's. */
  const stored = (tables: readonly string[]): readonly string[] =>
    cluster === undefined ? tables : tables.flatMap((table) => [table, `${table}${LOCAL_SUFFIX}`]);

  const readers = tenants.map((tenantId) => ({ tenantId, user: names.tenant(tenantId) }));
  const users = [names.sink, names.migrator, names.dashboard, ...readers.map(({ user }) => user)];

  function policy(name: string, table: string, condition: string, to: string): string {
    return `CREATE ROW POLICY OR REPLACE ${quoteName(name)}${on} ON ${qualified(table)} FOR SELECT USING ${condition} TO ${to}`;
  }

  /** The role then has these rights and no others. */
  function grant(user: string, rights: readonly string[]): string {
    return `GRANT${on} ${rights.join(', ')} TO ${role(user)} WITH REPLACE OPTION`;
  }
  const select = (tables: readonly string[]): readonly string[] => tables.map((table) => `SELECT ON ${qualified(table)}`);
  const insert = (tables: readonly string[]): readonly string[] => tables.map((table) => `INSERT ON ${qualified(table)}`);

  function login(user: string, hash: PasswordHash | undefined): readonly string[] {
    const identified = ({ sha256, salt }: PasswordHash): string =>
      `IDENTIFIED WITH sha256_hash BY ${quoteText(sha256)}${salt === '' ? '' : ` SALT ${quoteText(salt)}`}`;
    const known = hash === undefined ? '' : ` ${identified(hash)} HOST ANY`;
    return [
      `CREATE USER IF NOT EXISTS ${quoteName(user)}${on} ${identified(NO_PASSWORD)} HOST NONE`,
      `GRANT${on} ${role(user)} TO ${quoteName(user)} WITH REPLACE OPTION`,
      `ALTER USER ${quoteName(user)}${on}${known} DEFAULT ROLE ${role(user)}`,
    ];
  }

  const profile = `${database}_reader`;
  const all = [role(names.dashboard), ...operators.map(quoteName)].join(', ');
  const tenantTables = stored(TENANT_TABLES);
  const everyTable = [...tenantTables, ...stored(OPERATOR_TABLES)];
  const tenantReads = select([...tenantTables, ...TENANT_VIEWS]);

  return [
    `CREATE DATABASE IF NOT EXISTS ${quoteName(database)}${on}`,
    ...users.map((user) => `CREATE ROLE IF NOT EXISTS ${role(user)}${on}`),
    // Before any grant: nobody reads what a policy does not hold yet.
    ...everyTable.map((table) => policy(`${database}_closed`, table, '0', 'ALL')),
    ...everyTable.map((table) => policy(`${database}_operators`, table, '1', all)),
    ...readers.flatMap(({ tenantId, user }) =>
      tenantTables.map((table) => policy(user, table, `tenantId = ${quoteText(tenantId)}`, role(user))),
    ),
    readerProfile(profile, on, options.limits),
    // Given to each role, not listed in the profile: that would take it from the tenants that are not named this time.
    ...[names.dashboard, ...readers.map(({ user }) => user)].map(
      (user) => `ALTER ROLE ${role(user)}${on} SETTINGS PROFILE ${quoteText(profile)}`,
    ),
    grant(names.sink, [...insert(everyTable), ...select([HISTORY_TABLE])]),
    grant(names.migrator, [
      ...migratorRights(quoteName(database), qualified(HISTORY_TABLE)),
      ...(cluster === undefined ? [] : ['CLUSTER, REMOTE ON *.*']),
    ]),
    grant(names.dashboard, select([...everyTable, ...TENANT_VIEWS, ...OPERATOR_VIEWS, HISTORY_TABLE])),
    ...readers.map(({ user }) => grant(user, tenantReads)),
    ...login(names.sink, logins.sink),
    ...login(names.migrator, logins.migrator),
    ...login(names.dashboard, logins.dashboard),
    ...readers.flatMap(({ tenantId, user }) =>
      login(user, Object.hasOwn(logins.tenants ?? {}, tenantId) ? logins.tenants?.[tenantId] : undefined),
    ),
  ];
}

/** It defines tables and views; that a view be defined, it may select, and the row policies show it no row. */
function migratorRights(database: string, history: string): readonly string[] {
  return [`CREATE TABLE, CREATE VIEW, DROP VIEW, ALTER TABLE, ALTER VIEW, SELECT ON ${database}.*`, `INSERT ON ${history}`];
}

/** Reads, in bounds. What a reader may still set is how answers are written, which `readonly` alone would refuse the lineage queries. */
function readerProfile(name: string, on: string, given: Partial<ReadLimits> = {}): string {
  const limits = { ...LIMITS, ...given };
  const settings = [
    'readonly = 1',
    `max_execution_time = ${limits.seconds} MIN 1 MAX ${Math.max(limits.seconds, MOST_SECONDS)} CHANGEABLE_IN_READONLY`,
    `max_rows_to_read = ${limits.rowsRead}`,
    `max_result_rows = ${limits.rowsAnswered}`,
    "result_overflow_mode = 'throw'",
    `max_memory_usage = ${limits.memoryBytes}`,
    ...Object.entries(ANSWER_SETTINGS).map(([setting, value]) => `${setting} = ${quoteText(String(value))} CHANGEABLE_IN_READONLY`),
  ];
  return `CREATE SETTINGS PROFILE OR REPLACE ${quoteName(name)}${on} SETTINGS ${settings.join(', ')}`;
}

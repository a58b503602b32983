/** The engine makes no users: the statements are read, and parsed by it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPERATOR_TABLES, OPERATOR_VIEWS, TENANT_TABLES, TENANT_VIEWS } from '../src/access.ts';
import { accessNames, accessStatements, hashPassword, migrate, quoteName, quoteText, SqlTextError } from '../src/index.ts';
import { parsed, startTestEngine, type TestEngine } from './support/engine.ts';

const HOSTILE = ["o'neil", 'a`b', '\\', "' OR 1=1 --", "\\' TO ALL --", 'acme; DROP USER x', 'ALL', 'acme\n', '租户', 'x'.repeat(512)];

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(async () => {
  await engine.stop();
});

const made = accessStatements({ database: 'idemtrace', tenants: ['acme', 'globex'], operators: ['admin'] });
const ofTenant = (statements: readonly string[], tenantId: string) =>
  statements.filter((each) => each.includes(`tenantId = ${quoteText(tenantId)}`));

test.each([
  ['one server', undefined],
  ['a cluster', { name: "main's" }],
])('T1: every statement for %s is one statement that ClickHouse parses, whatever the tenants are called', async (_, cluster) => {
  const login = hashPassword('secret', 'salt');
  const logins = { sink: login, migrator: login, dashboard: login, tenants: { [HOSTILE[0] ?? '']: login } };
  const statements = accessStatements({ database: 'lin`eage', tenants: HOSTILE, operators: ["d'admin"], cluster, logins });
  expect(await parsed(engine.client, statements)).toHaveLength(statements.length);
  if (cluster !== undefined) for (const statement of statements) expect(statement).toContain(" ON CLUSTER `main\\'s`");
  for (const tenantId of HOSTILE)
    expect(ofTenant(statements, tenantId).length).toBe(TENANT_TABLES.length * (cluster === undefined ? 1 : 2));
});

test('T1: a tenant reads its own rows alone: on every table of tenants, one policy that names it, for its role', () => {
  for (const table of TENANT_TABLES) {
    expect(ofTenant(made, 'acme')).toContain(
      `CREATE ROW POLICY OR REPLACE \`idemtrace_tenant:acme\` ON \`idemtrace\`.\`${table}\` FOR SELECT USING tenantId = 'acme' TO \`role:idemtrace_tenant:acme\``,
    );
  }
});

test('T1: whoever no policy names sees no row, and that holds before anything is granted', () => {
  const closed = made.filter((each) => each.includes('USING 0 TO ALL'));
  expect(closed).toHaveLength(TENANT_TABLES.length + OPERATOR_TABLES.length);
  const lastClosed = Math.max(...closed.map((each) => made.indexOf(each)));
  expect(lastClosed).toBeLessThan(made.findIndex((each) => each.startsWith('GRANT')));
  const open = made.filter((each) => each.includes('USING 1 '));
  for (const each of open) expect(each).toMatch(/ TO `role:idemtrace_dashboard`, `admin`$/);
});

test('T1: a tenant is granted nothing that has no tenant: no dead letter, no sample', () => {
  const grant = made.find((each) => each.startsWith('GRANT SELECT') && each.includes(' TO `role:idemtrace_tenant:acme`')) ?? '';
  for (const name of [...TENANT_TABLES, ...TENANT_VIEWS]) expect(grant).toContain(`SELECT ON \`idemtrace\`.\`${name}\``);
  for (const name of [...OPERATOR_TABLES, ...OPERATOR_VIEWS]) expect(grant).not.toContain(`\`${name}\``);
  expect(grant).not.toMatch(/INSERT|ALTER|\*/);
});

test('T1: no tenant can be called so that its user is another one’s role', () => {
  const names = accessNames('idemtrace');
  const tenants = ['acme', 'acme_role', 'role:acme', 'role:idemtrace_tenant:acme', names.sink];
  const users = tenants.map(names.tenant);
  const roles = users.map((user) => `role:${user}`);
  expect(users.filter((user) => roles.includes(user) || [names.sink, names.migrator, names.dashboard].includes(user))).toEqual([]);
});

test('the sink only inserts, and may see whether the schema is there', () => {
  const grant = made.find((each) => each.includes(' TO `role:idemtrace_sink`')) ?? '';
  const selects = grant.match(/SELECT ON `idemtrace`\.`\w+`/g);
  expect(selects).toEqual(['SELECT ON `idemtrace`.`schema_migrations`']);
  for (const table of [...TENANT_TABLES, ...OPERATOR_TABLES]) expect(grant).toContain(`INSERT ON \`idemtrace\`.\`${table}\``);
  expect(grant).not.toMatch(/ALTER|DROP|CREATE|\*/);
});

test('readers read, in bounds that they cannot lift, and a tenant that is added takes them from nobody', () => {
  const profile = made.find((each) => each.startsWith('CREATE SETTINGS PROFILE')) ?? '';
  expect(profile).toContain('readonly = 1,');
  expect(profile).toContain('max_execution_time = 30 MIN 1 MAX 60 CHANGEABLE_IN_READONLY');
  expect(profile).toMatch(/max_rows_to_read = \d+, max_result_rows = \d+/);
  expect(profile).not.toContain(' TO ');
  for (const user of ['idemtrace_dashboard', 'idemtrace_tenant:acme', 'idemtrace_tenant:globex']) {
    expect(made).toContain(`ALTER ROLE ${quoteName(`role:${user}`)} SETTINGS PROFILE 'idemtrace_reader'`);
  }
});

describe('passwords', () => {
  test('P1: no statement holds one, only its hash', () => {
    const statements = accessStatements({
      database: 'idemtrace',
      tenants: ['acme'],
      logins: { tenants: { acme: hashPassword('hunter2', 's') } },
    });
    expect(statements.join('\n')).not.toContain('hunter2');
    expect(statements.join('\n')).toContain(`BY '${hashPassword('hunter2', 's').sha256}' SALT 's' HOST ANY`);
  });

  test('are salted as ClickHouse does it', async () => {
    const { sha256, salt } = hashPassword('hunter2', 'pepper');
    const result = await engine.client.query({ query: "SELECT lower(hex(SHA256('hunter2pepper'))) AS hash", format: 'JSONEachRow' });
    expect(await result.json()).toEqual([{ hash: sha256 }]);
    expect(salt).toBe('pepper');
  });

  test('a user without one cannot log in, and one that has one keeps it', () => {
    expect(made).toContain(
      `CREATE USER IF NOT EXISTS \`idemtrace_tenant:acme\` IDENTIFIED WITH sha256_hash BY '${'0'.repeat(64)}' HOST NONE`,
    );
    expect(made).toContain('ALTER USER `idemtrace_tenant:acme` DEFAULT ROLE `role:idemtrace_tenant:acme`');
  });
});

test('every table and view of the schema is either a tenant’s or the operators’', async () => {
  const client = await engine.database('classified');
  await migrate(client);
  const result = await client.query({ query: 'SELECT name FROM system.tables WHERE database = currentDatabase()', format: 'JSONEachRow' });
  const names = (await result.json<{ name: string }>()).map(({ name }) => name);
  expect(names.sort()).toEqual([...TENANT_TABLES, ...TENANT_VIEWS, ...OPERATOR_TABLES, ...OPERATOR_VIEWS, 'schema_migrations'].sort());
});

test('a tenant’s name that is no text is refused, not changed into another one', () => {
  expect(() => accessStatements({ database: 'idemtrace', tenants: ['a\udc00'] })).toThrow(SqlTextError);
});

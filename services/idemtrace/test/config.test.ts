import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ConfigInput,
  formatConfigMistakes,
  printConfig,
  printConfigWithOrigins,
  resolveConfig,
  Secret,
  settingsTable,
} from '../src/config/index.ts';
import { LEAVES } from '../src/config/leaves.ts';

const SECRET = 'correct-horse-battery-staple-0123456789';

function resolve(input: Partial<ConfigInput> = {}) {
  return resolveConfig({
    env: {},
    cwd: '/home/me',
    readFile: () => {
      throw new Error('no such file');
    },
    ...input,
  });
}

function resolved(input: Partial<ConfigInput> = {}) {
  const result = resolve(input);
  if (!result.ok) throw new Error(formatConfigMistakes(result.mistakes));
  return result;
}

function told(input: Partial<ConfigInput>): string[] {
  const result = resolve(input);
  return result.ok ? [] : formatConfigMistakes(result.mistakes).split('\n');
}

const file = (text: string) => ({ path: '/etc/idemtrace.yaml', text });

test('without file, variables and flags every setting has its default', () => {
  const { config, origins, notes } = resolved();
  expect(config).toEqual({
    dataDir: '/home/me/.idemtrace',
    log: { level: 'info' },
    topics: {
      events: 'idemtrace.events',
      alerts: 'idemtrace.alerts',
      deadLetters: 'idemtrace.dead-letters',
      partitions: 6,
      retention: 604_800_000,
    },
    groups: { detector: 'idemtrace-detector', lineage: 'idemtrace-lineage' },
    window: { length: 86_400_000 },
    batch: { maxRecords: 2000, maxBytes: 4_194_304 },
    intake: { host: '127.0.0.1', port: 7390, notice: 0, tenantRates: {}, apiKeys: [] },
    probes: { host: '127.0.0.1', port: 7391 },
    lineage: { mode: 'auto', retention: 7_776_000_000 },
    kafka: { clientId: 'idemtrace', tls: { enabled: false }, sasl: {}, compression: 'none', replicationFactor: 3, minInsyncReplicas: 2 },
    registry: {},
    redis: { tls: { enabled: false } },
    clickhouse: { username: 'default', database: 'idemtrace', tls: {} },
  });
  expect(new Set(Object.values(origins))).toEqual(new Set(['default']));
  expect(notes).toEqual([]);
  expect(() => Object.assign(config.topics, { partitions: 1 })).toThrow(TypeError);
});

test('flags win over variables, variables over the file, the file over defaults, and each value names its origin', () => {
  const { config, origins } = resolved({
    file: file('topics:\n  partitions: 3\n  retention: 2d\nbatch: { maxRecords: 7 }\n'),
    env: { IDEMTRACE_TOPICS_PARTITIONS: '4', IDEMTRACE_BATCH_MAX_RECORDS: '8', IDEMTRACE_LOG_LEVEL: '' },
    flags: { 'batch.maxRecords': '9', policy: undefined },
  });
  expect([config.topics.partitions, config.topics.retention, config.batch.maxRecords, config.log.level]).toEqual([
    4,
    172_800_000,
    9,
    'info',
  ]);
  expect(origins).toMatchObject({
    'topics.partitions': 'IDEMTRACE_TOPICS_PARTITIONS',
    'topics.retention': '/etc/idemtrace.yaml:3:14',
    'batch.maxRecords': '--batch-max-records',
    'log.level': 'default',
  });
});

test('a path is relative to what says it: the file’s folder, else the working directory', () => {
  expect(resolved({ file: file('dataDir: data\npolicy: /p.yaml\n') }).config).toMatchObject({ dataDir: '/etc/data', policy: '/p.yaml' });
  expect(resolved({ env: { IDEMTRACE_POLICY: 'p.yaml' } }).config.policy).toBe('/home/me/p.yaml');
});

test('every mistake of every source is listed at once, with its origin and what to do', () => {
  const lines = told({
    file: file('topics:\n  partitons: 3\n  partitions: many\nbatch: 5\nintake:\n  port: 99999\n'),
    env: { IDEMTRACE_WINDOW_LENGHT: '1h', IDEMTRACE_LOG_LEVEL: 'loud', IDEMTRACE_BATCH_MAX_BYTES: '4 parsecs', OTHER: 'x' },
    flags: { lineage: 'on', 'lineage.mode': 'maybe' },
  });
  expect(lines).toEqual([
    '/etc/idemtrace.yaml:2:3: topics.partitons unknown key `partitons` (did you mean `partitions`?)',
    '/etc/idemtrace.yaml:4:8: batch expects a mapping, not this number',
    'IDEMTRACE_WINDOW_LENGHT: is no setting (did you mean IDEMTRACE_WINDOW_LENGTH?)',
    '--lineage: is no setting',
    'IDEMTRACE_LOG_LEVEL: log.level is no known choice (write one of trace, debug, info, warn, error, silent)',
    '/etc/idemtrace.yaml:3:15: topics.partitions expects a whole number (write a whole number from 1 to 256)',
    'IDEMTRACE_BATCH_MAX_BYTES: batch.maxBytes expects a size (write a number of bytes, or 512KiB, 4MiB, 2GiB)',
    '/etc/idemtrace.yaml:6:9: intake.port is out of range (write a whole number from 0 to 65535)',
    '--lineage-mode: lineage.mode is no known choice (write one of auto, on, off)',
  ]);
});

test('settings of services that go together or exclude each other are told by name', () => {
  expect(told({ env: { IDEMTRACE_KAFKA_BROKERS: 'a:9092,b:9092' } })).toEqual([
    'IDEMTRACE_KAFKA_BROKERS: `registry.url` is missing, and `kafka.brokers` is set (set IDEMTRACE_REGISTRY_URL too)',
  ]);
  expect(told({ env: { IDEMTRACE_KAFKA_SASL_MECHANISM: 'plain', IDEMTRACE_KAFKA_SASL_USERNAME: 'idemtrace' } })[0]).toContain(
    'IDEMTRACE_KAFKA_SASL_PASSWORD',
  );
  expect(told({ env: { IDEMTRACE_REDIS_URL: 'redis://r:6379', IDEMTRACE_REDIS_NODES: 'n:6379' } })[0]).toContain(
    'is set beside `redis.url`',
  );
  expect(told({ env: { IDEMTRACE_REDIS_SENTINELS: 's:26379' } })[0]).toContain('`redis.master` is missing');
  expect(told({ env: { IDEMTRACE_KAFKA_REPLICATION_FACTOR: '1' } })[0]).toContain('nothing could be written');
  expect(told({ env: { IDEMTRACE_KAFKA_BROKERS: 'a:9092, a:9092' } })[0]).toContain('entry 2 repeats');
  expect(told({ env: { IDEMTRACE_CLICKHOUSE_URL: 'https://user:secret@c:8443' } })[0]).not.toContain('secret');
});

test('what concerns more than one setting is checked', () => {
  expect(told({ env: { IDEMTRACE_TOPICS_RETENTION: '1h' } })[0]).toContain('shorter than the window, 1d');
  expect(told({ env: { IDEMTRACE_TOPICS_ALERTS: 'idemtrace.events' } })[0]).toContain('names a topic that another setting names too');
  expect(told({ env: { IDEMTRACE_HASH_KEY_SECRET: SECRET } })[0]).toContain(
    '`hashKey.id` is missing, and `hashKey.secret` is set (set IDEMTRACE_HASH_KEY_ID too)',
  );
  expect(told({ env: { IDEMTRACE_HASH_KEY_PREVIOUS_ID: 'k0', IDEMTRACE_HASH_KEY_PREVIOUS_SECRET: SECRET } })[0]).toContain(
    'is set without hashKey',
  );
  expect(
    told({
      env: {
        IDEMTRACE_HASH_KEY_ID: 'k',
        IDEMTRACE_HASH_KEY_SECRET: SECRET,
        IDEMTRACE_HASH_KEY_PREVIOUS_ID: 'k',
        IDEMTRACE_HASH_KEY_PREVIOUS_SECRET: SECRET,
      },
    })[0],
  ).toContain('is the id of hashKey too');
});

test('secrets come from a variable, a file or the file that a variable names', () => {
  const keys = `acme=${SECRET}a, globex=${SECRET}b`;
  const { config, origins } = resolved({
    file: file('hashKey: { id: k1 }\n'),
    env: { IDEMTRACE_HASH_KEY_SECRET_FILE: 'secret', IDEMTRACE_INTAKE_API_KEYS: keys },
    readFile: (path) => (path === '/home/me/secret' ? `${SECRET}\n` : ''),
  });
  expect(config.hashKey?.secret.reveal()).toBe(SECRET);
  expect(origins['hashKey.secret']).toBe('IDEMTRACE_HASH_KEY_SECRET_FILE');
  expect(config.intake.apiKeys.map(({ tenantId, key }) => [tenantId, key.reveal()])).toEqual([
    ['acme', `${SECRET}a`],
    ['globex', `${SECRET}b`],
  ]);
  const listed = resolved({ file: file(`intake:\n  apiKeys:\n    - { tenantId: acme, key: ${SECRET} }\n`) });
  expect(listed.config.intake.apiKeys[0]?.key.reveal()).toBe(SECRET);
});

test('rates of single tenants come as pairs or as a map, and stand beside the rate of all', () => {
  const env = { IDEMTRACE_INTAKE_RATE: '100', IDEMTRACE_INTAKE_TENANT_RATES: 'acme=500, globex=7' };
  expect(resolved({ env }).config.intake).toMatchObject({ rate: 100, tenantRates: { acme: 500, globex: 7 } });
  expect(resolved({ file: file('intake: { rate: 1, tenantRates: { acme: 500 } }\n') }).config.intake.tenantRates).toEqual({ acme: 500 });
  expect(told({ env: { IDEMTRACE_INTAKE_TENANT_RATES: 'acme=500' } })[0]).toContain('set intake.rate too');
  for (const [rates, message] of [
    ['acme=0', 'entry 1 is out of range'],
    ['acme=1, acme=2', 'entry 2 repeats a tenant'],
    ['acme', 'expects numbers by tenant'],
    ['=5', 'entry 1 has no tenant'],
  ] as const) {
    expect(told({ env: { ...env, IDEMTRACE_INTAKE_TENANT_RATES: rates } })[0]).toContain(message);
  }
});

test('a secret both set and named by a file, or named by a file that cannot be read, is a mistake', () => {
  const both = { IDEMTRACE_HASH_KEY_ID: 'k', IDEMTRACE_HASH_KEY_SECRET: SECRET, IDEMTRACE_HASH_KEY_SECRET_FILE: 'f' };
  expect(told({ env: both })).toEqual([
    'IDEMTRACE_HASH_KEY_SECRET_FILE: hashKey.secret is set beside IDEMTRACE_HASH_KEY_SECRET (unset one of the two)',
  ]);
  expect(told({ env: { IDEMTRACE_INTAKE_API_KEYS_FILE: 'f' } })[0]).toContain('names a file that cannot be read');
});

test('P1: no secret reaches the printed configuration, an inspection, a log line or a mistake', () => {
  const { config, origins } = resolved({
    env: {
      IDEMTRACE_HASH_KEY_ID: 'k1',
      IDEMTRACE_HASH_KEY_SECRET: SECRET,
      IDEMTRACE_HASH_KEY_PREVIOUS_ID: 'k0',
      IDEMTRACE_HASH_KEY_PREVIOUS_SECRET: `${SECRET}0`,
      IDEMTRACE_INTAKE_API_KEYS: `acme=${SECRET}1`,
    },
  });
  const printed = [
    printConfig(config),
    printConfigWithOrigins(config, origins),
    inspect(config, { depth: 9, showHidden: true }),
    `${config.hashKey?.secret}`,
    String(config.intake.apiKeys[0]?.key),
    JSON.stringify(config),
  ];
  for (const text of printed) expect(text).not.toContain('horse');
  expect(printed[0]).toContain('"secret": "***"');
});

test.each([
  ['IDEMTRACE_HASH_KEY_SECRET', 'short-horse'],
  ['IDEMTRACE_HASH_KEY_SECRET', `${SECRET}\u0007`],
  ['IDEMTRACE_INTAKE_API_KEYS', 'acme horse-without-sign-0123456789'],
  ['IDEMTRACE_INTAKE_API_KEYS', 'acme=horse'],
  ['IDEMTRACE_INTAKE_API_KEYS', `=${SECRET}`],
  ['IDEMTRACE_INTAKE_API_KEYS', `a=${SECRET},b=${SECRET}`],
])('P1: a bad secret is refused without its value: %s=%s', (variable, value) => {
  const lines = told({ env: { [variable]: value } });
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.join()).not.toContain('horse');
});

test('P1: bad secrets in the file are refused without their value', () => {
  const lines = told({
    file: file('hashKey: { id: k, secret: short-horse }\nintake:\n  apiKeys:\n    - { tenant: acme, key: horse-battery }\n'),
  });
  expect(lines).toHaveLength(2);
  expect(lines.join()).not.toContain('horse');
});

test('an intake beyond loopback is noted', () => {
  const env = { IDEMTRACE_INTAKE_HOST: '0.0.0.0', IDEMTRACE_INTAKE_API_KEYS: `a=${SECRET}` };
  expect(resolved({ env }).notes).toHaveLength(1);
  expect(resolved({ env: { ...env, IDEMTRACE_INTAKE_HOST: '127.0.0.1' } }).notes).toEqual([]);
});

test('a broken file is told with its place, beside the mistakes of the environment', () => {
  const lines = told({ file: file('topics: [\n'), env: { IDEMTRACE_INTAKE_PORT: 'x' } });
  expect(lines[0]).toMatch(/^\/etc\/idemtrace.yaml:\d+:\d+: this is no YAML/);
  expect(lines.at(-1)).toMatch(/^IDEMTRACE_INTAKE_PORT: intake.port expects a whole number/);
});

test('the table of settings has a row for every setting, described', () => {
  const table = settingsTable();
  for (const { path, variable, meta } of LEAVES) {
    expect(table).toContain(`| \`${path}\` | \`${variable}\``);
    expect(meta.description.length).toBeGreaterThan(10);
  }
  expect(new Set(LEAVES.map((leaf) => leaf.variable)).size).toBe(LEAVES.length);
});

test('any variables and any file are answered with a configuration or with mistakes, never a throw', () => {
  const value = fc.oneof(fc.string(), fc.constantFrom('1', '24h', 'on', 'a=b', '4MiB', '../x'));
  const env = fc.dictionary(
    fc.oneof(
      fc.constantFrom(...LEAVES.map((leaf) => leaf.variable)),
      fc.string().map((name) => `IDEMTRACE_${name}`),
    ),
    value,
  );
  fc.assert(
    fc.property(env, fc.string(), (variables, text) => {
      const result = resolve({ env: variables, file: file(text) });
      if (!result.ok) expect(result.mistakes.length).toBeGreaterThan(0);
    }),
    { numRuns: 300 },
  );
});

test('a Secret is masked wherever text is made of it', () => {
  const secret = new Secret(SECRET);
  expect([`${secret}`, JSON.stringify({ secret }), inspect(secret), secret.reveal()]).toEqual(['***', '{"secret":"***"}', '***', SECRET]);
});

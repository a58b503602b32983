/** docker-compose.yml cannot run here: it is held to the compose specification, to what idemtrace reads, and to what its adapters need. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { commandsOfLine, fileText, isCommand, mistakesOf, ROOT } from './deployment.ts';

interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly user?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly read_only?: boolean;
  readonly restart?: string;
  readonly mem_limit?: string;
}

const text = fileText('docker-compose.yml');
const compose = parse(text, { merge: true }) as { readonly services: Readonly<Record<string, ComposeService>>; readonly volumes: object };
const services = Object.entries(compose.services);
const own = services.filter(([, service]) => service.build !== undefined);

/** Variables of `.env` by name, as `.env.example` lists them, each with a value. */
const ENV: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from(fileText('.env.example').matchAll(/^([A-Z_]+)=$/gm), ([, name]) => [
    name ?? '',
    name?.endsWith('KEYS') ? 'acme=0123456789abcdef' : 'secret',
  ]),
);

function interpolated(value: string): string {
  return value
    .replace(/\$\{([A-Z_]+):\?[^}]*\}/g, (_, name: string) => ENV[name] ?? `${name} is not in .env.example`)
    .replaceAll('$$', '$');
}

test('the file is what the compose specification says a compose file is', () => {
  const ajv = new Ajv({ strict: false, logger: false, validateFormats: false });
  const schema = JSON.parse(fileText('test/fixtures/compose-spec/compose-spec.json')) as { $schema?: string };
  delete schema.$schema;
  const validate = ajv.compile(schema);
  expect({ valid: validate(compose), errors: validate.errors }).toEqual({ valid: true, errors: null });
  expect(validate({ services: { x: { prots: [] } } })).toBe(false);
});

test('the services are those that the pipeline needs', () => {
  expect(services.map(([name]) => name).sort()).toEqual([
    'clickhouse',
    'detector',
    'gateway',
    'grafana',
    'kafka',
    'lineage-sink',
    'redis',
    'registry',
    'setup',
  ]);
  expect(own.map(([name]) => name).sort()).toEqual(['detector', 'gateway', 'lineage-sink', 'setup']);
});

test('every image is of one version', () => {
  for (const [name, { image }] of services)
    expect({ name, image }).toEqual({ name, image: expect.stringMatching(/^[a-z0-9./-]+:\d+\.\d+\.\d+[A-Za-z0-9.-]*$/) });
});

test('nothing is reachable from another machine', () => {
  const published = services.flatMap(([, { ports = [] }]) => ports);
  expect(published.length).toBeGreaterThan(4);
  for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  expect(new Set(published.map((port) => port.split(':')[1])).size).toBe(published.length);
});

test('whoever waits for a service waits for one that says when it is ready', () => {
  for (const [name, { depends_on = {} }] of services) {
    for (const [target, { condition }] of Object.entries(depends_on)) {
      const awaited = compose.services[target];
      const waits = condition === 'service_healthy' ? awaited?.healthcheck !== undefined : awaited?.restart === 'no';
      expect({ name, target, condition, waits }).toEqual({
        name,
        target,
        condition: expect.stringMatching(/^service_(healthy|completed_successfully)$/),
        waits: true,
      });
    }
  }
  for (const [name, { healthcheck }] of services)
    expect({ name, isChecked: healthcheck !== undefined }).toEqual({ name, isChecked: name !== 'setup' });
});

test('topics and tables are there before anything reads or writes them', () => {
  for (const part of ['detector', 'gateway', 'lineage-sink']) {
    expect(compose.services[part]?.depends_on?.setup).toEqual({ condition: 'service_completed_successfully' });
  }
});

test('no secret is in the file, and .env.example names each without a value', () => {
  const asked = new Set(Array.from(text.matchAll(/\$\{([A-Z_]+):\?/g), ([, name]) => name ?? ''));
  expect([...asked].sort()).toEqual(Object.keys(ENV).sort());
  // Nothing is taken from the environment without saying so where it is missing.
  expect(text.match(/(?<!\$)\$\{[A-Z_]+(?!:\?)[}:-]/g)).toBeNull();
  for (const [name, { environment = {} }] of services) {
    for (const [variable, value] of Object.entries(environment)) {
      if (/PASSWORD|SECRET|API_KEYS/.test(variable))
        expect({ name, variable, value }).toEqual({ name, variable, value: expect.stringMatching(/^\$\{[A-Z_]+:\?/) });
    }
  }
  expect(fileText('.gitignore').split('\n')).toContain('.env');
});

test('no service may more than it needs', () => {
  for (const [name, service] of services) {
    const { cap_drop, security_opt, user = 'of the image', mem_limit } = service;
    expect({ name, cap_drop, security_opt, mem_limit }).toEqual({
      name,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      mem_limit: expect.any(String),
    });
    expect({ name, user }).toEqual({ name, user: service.build === undefined ? expect.stringMatching(/^[1-9]\d*:\d+$/) : 'of the image' });
  }
  for (const [name, { read_only }] of [...own, ...services.filter(([name]) => name === 'redis')])
    expect({ name, read_only }).toEqual({ name, read_only: true });
  expect(text).not.toMatch(/privileged|network_mode|docker\.sock|pid: *host/);
});

test('idemtrace takes every setting that it is given, and is given all that each process needs', { timeout: 240_000 }, async () => {
  for (const [name, { environment = {} }] of own) {
    const env = Object.fromEntries(Object.entries(environment).map(([variable, value]) => [variable, interpolated(value)]));
    expect({ name, mistakes: mistakesOf(env) }).toEqual({ name, mistakes: [] });
    expect(env).toMatchObject({
      IDEMTRACE_KAFKA_BROKERS: 'kafka:19092',
      IDEMTRACE_CLICKHOUSE_USERNAME: compose.services.clickhouse?.environment?.CLICKHOUSE_USER,
    });
    expect(env.IDEMTRACE_CLICKHOUSE_DATABASE).toBe(compose.services.clickhouse?.environment?.CLICKHOUSE_DB);
  }
  expect(mistakesOf({ IDEMTRACE_KAFKA_BROKER: 'kafka:19092' })).not.toEqual([]);
  const lines = own.flatMap(([, { entrypoint, command = [] }]) =>
    entrypoint === undefined ? [command.join(' ')] : commandsOfLine(command[0] ?? ''),
  );
  expect(lines.sort()).toEqual(['detector', 'gateway', 'lineage migrate', 'lineage-sink', 'topics create']);
  expect(await Promise.all(lines.map(isCommand))).toEqual(lines.map(() => true));
});

test('Kafka makes no topic by itself, so that every topic has the broker’s clock, and can commit transactions with one broker', () => {
  const kafka = compose.services.kafka?.environment ?? {};
  expect(kafka).toMatchObject({
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
  });
  expect(kafka.KAFKA_ADVERTISED_LISTENERS).toBe('INTERNAL://kafka:19092,HOST://127.0.0.1:9092');
  expect(compose.services.kafka?.volumes).toEqual([`kafka-data:${kafka.KAFKA_LOG_DIRS}`]);
  // Ids of schemas mean the same after a restart.
  expect(compose.services.registry).toMatchObject({
    image: expect.stringContaining('kafkasql'),
    environment: { KAFKA_BOOTSTRAP_SERVERS: 'kafka:19092' },
  });
});

test('Redis keeps what it is told, evicts nothing, and asks for the password that idemtrace has', () => {
  const redis = compose.services.redis;
  const command = redis?.command?.join(' ') ?? '';
  for (const setting of ['--appendonly yes', '--maxmemory-policy noeviction', '--requirepass "$$REDIS_PASSWORD"'])
    expect(command).toContain(setting);
  expect(redis?.environment?.REDIS_PASSWORD).toBe(compose.services.detector?.environment?.IDEMTRACE_REDIS_PASSWORD);
  expect(redis?.volumes).toEqual(['redis-data:/data']);
});

test('Grafana reads as a user that can change nothing, with the password that ClickHouse has for it', () => {
  const [grafana, clickhouse] = [compose.services.grafana, compose.services.clickhouse];
  const users = fileText('infra/compose/clickhouse-dashboard.xml');
  expect(users).toContain('<readonly>2</readonly>');
  expect(users.match(/GRANT .*/g)).toEqual(['GRANT SELECT ON idemtrace.*</query>']);
  expect(users).toContain('<password from_env="DASHBOARD_PASSWORD"/>');
  expect(clickhouse?.environment?.DASHBOARD_PASSWORD).toBe(grafana?.environment?.IDEMTRACE_GRAFANA_CLICKHOUSE_PASSWORD);
  expect(users).toContain(`<${grafana?.environment?.IDEMTRACE_GRAFANA_CLICKHOUSE_USERNAME}>`);
  const read = new Set(
    Array.from(fileText('infra/grafana/provisioning/datasources/idemtrace.yaml').matchAll(/\$\{([A-Z_]+)\}/g), ([, name]) => name ?? ''),
  );
  const given = Object.keys(grafana?.environment ?? {}).filter((name) => name.startsWith('IDEMTRACE_'));
  expect([...read].sort()).toEqual(given.sort());
});

test('every folder and file that is mounted is in the repository, and every volume is declared', () => {
  for (const [name, { volumes = [] }] of services) {
    for (const volume of volumes) {
      const source = volume.split(':')[0] ?? '';
      const isThere = source.startsWith('./') ? existsSync(join(ROOT, source)) : source in compose.volumes;
      expect({ name, volume, isThere }).toEqual({ name, volume, isThere: true });
    }
  }
});

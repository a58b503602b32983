import { z } from 'zod';
import { apiKeys, choice, duration, flag, integer, list, numbersByTenant, secret, size, text } from './setting.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 86_400 * SECOND;

const NAME = { pattern: /^[A-Za-z0-9._-]{1,200}$/, rule: 'letters, digits and . _ - only, at most 200', kind: 'name' };
const topic = (what: string) => text(what, NAME);
const hashKeyId = (what: string) =>
  text(what, { ...NAME, pattern: /^[A-Za-z0-9._-]{1,64}$/, rule: 'letters, digits and . _ - only, at most 64' });

const USER = { pattern: /^[^\s:@]{1,256}$/, rule: 'a user’s name, without blanks, colons and @', kind: 'name' };
const ADDRESSES = { pattern: /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/, rule: 'addresses as host:port', kind: 'host:port' };
const HTTP_URL = { pattern: /^https?:\/\/[^\s@]+$/, rule: 'an address as http://host:port, without user and password', kind: 'URL' };
const REDIS_URL = {
  pattern: /^rediss?:\/\/[^\s@]+$/,
  rule: 'an address as redis://host:port, or rediss:// for TLS, without user and password',
  kind: 'URL',
};
const file = (what: string) => text(what, { path: true, rule: 'the path of a file', kind: 'path' }).optional();
const password = (what: string) => secret(what, 1).optional();
const host = (what: string) =>
  text(what, { pattern: /^[A-Za-z0-9.:-]{1,255}$/, rule: 'a host name or an address', kind: 'host' }).prefault('127.0.0.1');
const tlsFiles = (of: string) => ({
  ca: file(`Certificate authority that ${of} is checked against (PEM), where it is none that Node knows.`),
  certificate: file(`Client certificate for ${of} (PEM).`),
  key: file('Private key of the client certificate (PEM).'),
});

/** A secret that keys are derived from: as many characters as 16 bytes have in hex. */
const LEAST_HASH_SECRET = 32;

/**
 * Every setting: its place in the file is its path, its variable is `IDEMTRACE_` and the path in capitals. Only what something reads is here.
 * `.prefault` gives the default as a person would write it.
 */
export const configSchema = z.strictObject({
  dataDir: text('Folder of the embedded log, windows and lineage.', { path: true, rule: 'the path of a folder', kind: 'path' }).prefault(
    '.idemtrace',
  ),
  policy: text('The policy, a YAML file. Without one nothing is declared, and classes come from code or are inferred.', {
    path: true,
    rule: 'the path of a file',
    kind: 'path',
  }).optional(),
  log: z.strictObject({
    level: choice('Least level of the log lines that are written.', ['trace', 'debug', 'info', 'warn', 'error', 'silent']).prefault('info'),
  }),
  topics: z.strictObject({
    events: topic('Topic of the agents’ events.').prefault('idemtrace.events'),
    alerts: topic('Topic of the alerts.').prefault('idemtrace.alerts'),
    deadLetters: topic('Topic of the records that could not be judged.').prefault('idemtrace.dead-letters'),
    partitions: integer('Partitions of each topic, fixed when the topics are created.', 1, 256).prefault(6),
    retention: duration('Records older than this may be deleted. At least the window’s length and an eighth.', MINUTE, 3650 * DAY).prefault(
      '7d',
    ),
    retentionBytes: size(
      'Oldest records may be deleted while a partition is larger than this. Without it, size sets no bound.',
      1024 ** 2,
      2 ** 50,
    ).optional(),
  }),
  groups: z.strictObject({
    detector: text('Consumer group of the detector.', NAME).prefault('idemtrace-detector'),
    lineage: text('Consumer group of the lineage sink.', NAME).prefault('idemtrace-lineage'),
  }),
  window: z.strictObject({
    length: duration('How far back an execution is remembered, in log time. Changing it needs a restart.', MINUTE, 90 * DAY).prefault(
      '24h',
    ),
  }),
  batch: z.strictObject({
    maxRecords: integer('Most records that are judged in one transaction.', 1, 10_000).prefault(2000),
    maxBytes: size('Most bytes that are judged in one transaction.', 64 * 1024, 256 * 1024 ** 2).prefault('4MiB'),
  }),
  hashKey: z.strictObject({
    id: hashKeyId('Id of the key that inputs are hashed under.').optional(),
    secret: secret('Secret that every tenant’s keys are derived from.', LEAST_HASH_SECRET).optional(),
    previous: z.strictObject({
      id: hashKeyId('Id of the key before, while keys are being rotated (one window long).').optional(),
      secret: secret('Its secret.', LEAST_HASH_SECRET).optional(),
    }),
  }),
  intake: z.strictObject({
    host: host('Address that the JSON intake listens on.'),
    port: integer('Port of the JSON intake; 0 takes a free one.', 0, 65_535).prefault(7390),
    notice: duration(
      'How long the intake says that it is not ready before it takes no more connections, when it ends: load balancers look away meanwhile.',
      0,
      10 * MINUTE,
    ).prefault('0ms'),
    rate: integer(
      'Most events a second of each tenant, in each gateway process; beyond it 429. Without it there is no bound.',
      1,
      1_000_000,
    ).optional(),
    tenantRates: numbersByTenant('Tenants with a rate of their own, beside `intake.rate` for all others.', 1, 1_000_000).prefault({}),
    apiKeys: apiKeys('Keys that agents authenticate with, each for one tenant. Without any, one for the tenant `local` is made.').prefault(
      [],
    ),
  }),
  probes: z.strictObject({
    host: host('Address that the detector’s and the lineage sink’s /healthz and /readyz listen on.'),
    port: integer('Port of the probes; 0 takes a free one.', 0, 65_535).prefault(7391),
  }),
  lineage: z.strictObject({
    mode: choice('Lineage in ClickHouse: `auto` uses the server that is configured, else the embedded engine where it is installed.', [
      'auto',
      'on',
      'off',
    ]).prefault('auto'),
    retention: duration('Rows older than this may be deleted (TTL, on log time).', DAY, 3650 * DAY).prefault('90d'),
  }),
  kafka: z.strictObject({
    brokers: list('Kafka’s brokers. With them the log is Kafka; without, it is embedded, in the data folder.', ADDRESSES).optional(),
    clientId: text('Name that the brokers know this program by.', NAME).prefault('idemtrace'),
    tls: z.strictObject({ enabled: flag('Speak TLS to the brokers.').prefault('false'), ...tlsFiles('the brokers') }),
    sasl: z.strictObject({
      mechanism: choice('How to authenticate with the brokers.', ['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
      username: text('User of the brokers.', USER).optional(),
      password: password('Its password.'),
    }),
    compression: choice('Compression of what is written.', ['none', 'gzip']).prefault('none'),
    replicationFactor: integer('Replicas of each partition, when topics are created.', 1, 32).prefault(3),
    minInsyncReplicas: integer('Replicas that must have a record before it counts as written, when topics are created.', 1, 32).prefault(2),
  }),
  registry: z.strictObject({
    url: text('Schema registry (Confluent’s API); needed with Kafka.', HTTP_URL).optional(),
    username: text('User of the registry.', USER).optional(),
    password: password('Its password.'),
  }),
  redis: z.strictObject({
    url: text('Redis for the windows. Without one they are in memory, and rebuilt from the log at every start.', REDIS_URL).optional(),
    nodes: list('Nodes of a Redis Cluster, instead of redis.url.', ADDRESSES).optional(),
    sentinels: list('Sentinels, instead of redis.url.', ADDRESSES).optional(),
    master: text('Name of the master that the sentinels watch.', NAME).optional(),
    username: text('User of Redis.', USER).optional(),
    password: password('Its password.'),
    tls: z.strictObject({
      enabled: flag('Speak TLS to nodes and sentinels (a rediss:// URL says so itself).').prefault('false'),
      ...tlsFiles('Redis'),
    }),
  }),
  clickhouse: z.strictObject({
    url: text('ClickHouse server for lineage. Without one the embedded engine is used.', HTTP_URL).optional(),
    username: text('User of ClickHouse.', USER).prefault('default'),
    password: password('Its password.'),
    database: text('Database of the lineage.', {
      ...NAME,
      pattern: /^[A-Za-z_][A-Za-z0-9_]{0,63}$/,
      rule: 'letters, digits and _',
    }).prefault('idemtrace'),
    cluster: text(
      'Cluster that the tables are created on, replicated and sharded. Without one they are plain tables of one server.',
      NAME,
    ).optional(),
    tls: z.strictObject(tlsFiles('ClickHouse')),
  }),
});

type Resolved = z.output<typeof configSchema>;

/** A key that inputs are hashed under, and the one before it while keys are being rotated. */
export interface HashKeySetting {
  readonly id: string;
  readonly secret: NonNullable<Resolved['hashKey']['secret']>;
  readonly previous?: { readonly id: string; readonly secret: NonNullable<Resolved['hashKey']['secret']> };
}

type DeepReadonly<T> = T extends (infer U)[] ? readonly U[] : T extends object ? { readonly [K in keyof T]: T[K] } : T;

/** The configuration as resolved: durations in milliseconds, sizes in bytes, paths absolute. */
export type Config = { readonly [K in Exclude<keyof Resolved, 'hashKey' | 'policy' | 'topics'>]: DeepReadonly<Resolved[K]> } & {
  readonly policy?: string;
  readonly topics: DeepReadonly<Omit<Resolved['topics'], 'retentionBytes'>> & { readonly retentionBytes?: number };
  readonly hashKey?: HashKeySetting;
};

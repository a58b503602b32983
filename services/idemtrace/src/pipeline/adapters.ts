/**
 * Which adapter stands behind each port: what the configuration names, else what is embedded. Drivers are loaded where they are used, so that
 * the embedded pipeline loads none of them. Plain values: they are copied from thread to thread, secrets included.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryWindows, type WindowStore } from '@idemtrace/detector';
import type { RedisWindowsOptions } from '@idemtrace/detector/redis';
import { type Codec, createCodec, fileRegistry, type SchemaRegistry } from '@idemtrace/schemas';
import type { ConfluentRegistryOptions } from '@idemtrace/schemas/confluent';
import type { EventLog } from '@idemtrace/stream';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import type { KafkaLogOptions } from '@idemtrace/stream/kafka';
import type { Config } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';

export type LogAdapter =
  | { readonly kind: 'embedded'; readonly path: string; readonly synchronous: 'full' | 'normal' }
  | { readonly kind: 'kafka'; readonly options: KafkaLogOptions };

export type RegistryAdapter = { readonly kind: 'files' } | { readonly kind: 'confluent'; readonly options: ConfluentRegistryOptions };

export type WindowsAdapter =
  | { readonly kind: 'memory' }
  | { readonly kind: 'redis'; readonly options: Omit<RedisWindowsOptions, 'windowMs'> };

/** The configuration without its services: what then runs is embedded, whatever else it names. */
export function embedded(config: Config): Config {
  const { url: _registry, ...registry } = config.registry;
  const { brokers: _brokers, ...kafka } = config.kafka;
  const { url: _redis, nodes: _nodes, sentinels: _sentinels, ...redis } = config.redis;
  const { url: _clickhouse, ...clickhouse } = config.clickhouse;
  return { ...config, kafka, registry, redis, clickhouse };
}

export function logAdapter(config: Config, throwAway: boolean): LogAdapter {
  const { kafka, dataDir } = config;
  if (kafka.brokers === undefined) return { kind: 'embedded', path: join(dataDir, 'log'), synchronous: throwAway ? 'normal' : 'full' };
  return { kind: 'kafka', options: kafkaOptions(config, kafka.brokers) };
}

function kafkaOptions({ kafka }: Config, brokers: readonly string[]): KafkaLogOptions {
  const { clientId, compression, sasl, tls, replicationFactor, minInsyncReplicas } = kafka;
  const { mechanism, username, password } = sasl;
  return {
    brokers,
    clientId,
    compression,
    replicationFactor,
    minInsyncReplicas,
    ...(tls.enabled && { tls: tlsOf(tls) }),
    ...(mechanism !== undefined &&
      username !== undefined &&
      password !== undefined && { sasl: { mechanism, username, password: password.reveal() } }),
  };
}

export function registryAdapter({ registry, kafka }: Config): RegistryAdapter {
  const { url, username, password } = registry;
  if (kafka.brokers === undefined || url === undefined) return { kind: 'files' };
  const auth = username === undefined ? {} : { auth: { username, password: password?.reveal() ?? '' } };
  return { kind: 'confluent', options: { url, ...auth } };
}

export function windowsAdapter({ redis }: Config): WindowsAdapter {
  const { url, nodes, sentinels, master, username, password, tls } = redis;
  const login = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: password.reveal() }),
    ...(tls.enabled && { tls: tlsOf(tls) }),
  };
  if (url !== undefined) return { kind: 'redis', options: { url, ...login } };
  if (nodes !== undefined) return { kind: 'redis', options: { nodes, ...login } };
  if (sentinels !== undefined && master !== undefined) return { kind: 'redis', options: { sentinels, master, ...login } };
  return { kind: 'memory' };
}

interface TlsFiles {
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

interface Tls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** PEM texts of the files that the configuration names. */
export function tlsOf({ ca, certificate, key }: TlsFiles): Tls {
  return {
    ...(ca !== undefined && { ca: readPem(ca) }),
    ...(certificate !== undefined && { cert: readPem(certificate) }),
    ...(key !== undefined && { key: readPem(key) }),
  };
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError('invalid_config', `A file of the TLS settings cannot be read: ${reason}`, { cause: error });
  }
}

export interface LogOptions {
  /** How soon what another thread or process appends to an embedded log is noticed, ms. */
  readonly pollIntervalMs?: number;
  readonly report?: LogReport;
}

/** Told what the driver has to say: no payloads. */
export type LogReport = (level: 'warn' | 'error', message: string) => void;

export async function openLog(adapter: LogAdapter, { pollIntervalMs, report }: LogOptions = {}): Promise<EventLog> {
  switch (adapter.kind) {
    case 'embedded': {
      const { path, synchronous } = adapter;
      return openEmbeddedLog({ path, synchronous, ...(pollIntervalMs !== undefined && { pollIntervalMs }) });
    }
    case 'kafka': {
      const { openKafkaLog } = await import('@idemtrace/stream/kafka');
      return openKafkaLog({
        ...adapter.options,
        // What it says of joins and rebalances is in the metrics; what is amiss is said.
        report: (level, message) => {
          if (level !== 'info') report?.(level, message);
        },
      });
    }
  }
}

export async function openCodec(adapter: RegistryAdapter): Promise<Codec> {
  return createCodec({ registry: await openRegistry(adapter) });
}

async function openRegistry(adapter: RegistryAdapter): Promise<SchemaRegistry> {
  switch (adapter.kind) {
    case 'files':
      return fileRegistry();
    case 'confluent': {
      const { confluentRegistry } = await import('@idemtrace/schemas/confluent');
      return confluentRegistry(adapter.options);
    }
  }
}

export interface OpenWindows {
  readonly store: WindowStore;
  /** What they take, in bytes; undefined where nobody knows. */
  bytes(): number | undefined;
}

export async function openWindows(adapter: WindowsAdapter, windowMs: number, report: (message: string) => void): Promise<OpenWindows> {
  switch (adapter.kind) {
    case 'memory':
      // They are most of what the thread holds.
      return { store: new MemoryWindows({ windowMs }), bytes: () => process.memoryUsage().heapUsed };
    case 'redis': {
      const { connectRedisWindows } = await import('@idemtrace/detector/redis');
      const store = await connectRedisWindows({ ...adapter.options, windowMs, report });
      return { store, bytes: () => store.status().usedBytes };
    }
  }
}

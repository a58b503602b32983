/** Redis, one server. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificates, certificates } from '../certificates.ts';
import { freePorts } from '../ports.ts';
import { program, REDIS_SERVER } from '../programs.ts';
import { type Service, type ServiceOptions, serviceFolder, startService } from '../service.ts';
import { askRedis } from './ask.ts';

export interface RedisOptions extends ServiceOptions {
  readonly port?: number;
  /** What is lost by kill -9: `everysec` (default) about a second, `always` nothing, `no` what the system has not written; `off` everything. */
  readonly appendOnly?: 'everysec' | 'always' | 'no' | 'off';
  /** As Redis writes it, e.g. `64mb`. Default: no bound. */
  readonly maxMemory?: string;
  /** Default `noeviction`. */
  readonly maxMemoryPolicy?: string;
  /** Asked of every client. Letters and digits. */
  readonly password?: string;
  /** Speaks TLS, with certificates of an authority of its own, on a second port. */
  readonly tls?: boolean;
  /** Further directives of redis.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface Redis extends Service {
  readonly host: string;
  readonly port: number;
  /** `redis://host:port`, without the password. */
  readonly url: string;
  /** With `tls`: `rediss://host:port` and paths of PEM files. */
  readonly tlsUrl: string | undefined;
  readonly certificates: Certificates | undefined;
}

/** Starts a server and resolves when it answers. Throws LocalServiceError. */
export function startRedis(options: RedisOptions = {}): Promise<Redis> {
  return startRedisServer('redis', options);
}

/** A server under a name of its own. `Sentinel`s are servers too. */
export async function startRedisServer(name: string, options: RedisOptions, mode: readonly '--sentinel'[] = []): Promise<Redis> {
  const file = await program(REDIS_SERVER);
  const { folder, isPassing } = serviceFolder(name, options);
  const port = options.port ?? (await freePorts(['redis'])).redis;
  const tlsPort = options.tls === true ? (await freePorts(['tls'])).tls : undefined;
  const made = options.tls === true ? await certificates(join(folder, 'certificates')) : undefined;
  const config = join(folder, 'redis.conf');
  mkdirSync(join(folder, 'data'), { recursive: true });
  const directives = {
    bind: '127.0.0.1',
    port: String(port),
    dir: `"${join(folder, 'data')}"`,
    // Its folder must stay on its command line.
    'set-proc-title': 'no',
    ...(mode.length === 0 ? persistence(options) : {}),
    ...(options.password === undefined ? {} : { requirepass: options.password, masterauth: options.password }),
    ...(made === undefined ? {} : tlsDirectives(made, tlsPort)),
    ...options.settings,
  };
  writeFileSync(
    config,
    Object.entries(directives)
      .map(([key, value]) => `${key} ${value}\n`)
      .join(''),
    { mode: 0o600 },
  );
  const service = await startService({
    name,
    folder,
    isPassing,
    isDetached: options.detached ?? false,
    command: { file, args: [config, ...mode] },
    isReady: async () => (await askRedis(port, 'PING', options.password)).startsWith('+PONG'),
  });
  return Object.assign(service, {
    host: '127.0.0.1',
    port,
    url: `redis://127.0.0.1:${port}`,
    tlsUrl: tlsPort === undefined ? undefined : `rediss://127.0.0.1:${tlsPort}`,
    certificates: made,
  });
}

function persistence({ appendOnly = 'everysec', maxMemory, maxMemoryPolicy = 'noeviction' }: RedisOptions): Record<string, string> {
  return {
    save: '""',
    ...(appendOnly === 'off' ? { appendonly: 'no' } : { appendonly: 'yes', appendfsync: appendOnly }),
    'maxmemory-policy': maxMemoryPolicy,
    ...(maxMemory === undefined ? {} : { maxmemory: maxMemory }),
  };
}

function tlsDirectives(made: Certificates, port: number | undefined): Record<string, string> {
  return {
    'tls-port': String(port),
    'tls-cert-file': made.serverCertificate,
    'tls-key-file': made.serverKey,
    'tls-ca-cert-file': made.ca,
    'tls-auth-clients': 'optional',
  };
}

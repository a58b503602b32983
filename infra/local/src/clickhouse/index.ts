/** The ClickHouse engine (chdb) behind its HTTP interface. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../ports.ts';
import { type Service, type ServiceOptions, serviceFolder, startService } from '../service.ts';

export interface ClickHouseOptions extends ServiceOptions {
  readonly port?: number;
}

export interface ClickHouse extends Service {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly port: number;
}

const USERNAME = 'idemtrace';
const PROBE_TIMEOUT_MS = 2_000;

/** Starts the engine and resolves when it answers a query. A kept folder keeps its password. Throws LocalServiceError. */
export async function startClickHouse(options: ClickHouseOptions = {}): Promise<ClickHouse> {
  const { folder, isPassing } = serviceFolder('clickhouse', options);
  const port = options.port ?? (await freePorts(['http'])).http;
  const settingsFile = join(folder, 'settings.json');
  const password = existsSync(settingsFile)
    ? (JSON.parse(readFileSync(settingsFile, 'utf8')) as { readonly password: string }).password
    : randomBytes(24).toString('base64url');
  writeFileSync(settingsFile, JSON.stringify({ port, password }), { mode: 0o600 });
  const url = `http://127.0.0.1:${port}`;
  const service = await startService({
    name: 'clickhouse',
    folder,
    isPassing,
    isDetached: options.detached ?? false,
    command: {
      file: process.execPath,
      args: [join(import.meta.dirname, 'host.ts'), join(folder, 'data'), settingsFile],
      environment: { NODE_NO_WARNINGS: '1' },
    },
    isReady: () => answers(url, password),
  });
  return Object.assign(service, { url, username: USERNAME, password, port });
}

async function answers(url: string, password: string): Promise<boolean> {
  const response = await fetch(`${url}/?query=${encodeURIComponent('SELECT 1')}`, {
    headers: { 'X-ClickHouse-User': USERNAME, 'X-ClickHouse-Key': password },
    signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
  });
  return response.ok && (await response.text()).trim() === '1';
}

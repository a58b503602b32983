/** The lineage: the server that is configured, else the embedded engine of the data folder, started here or shared with the process that holds it. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { applyRetention, connectLineage, type LineageAddress, type LineageCluster, migrate, retentionOf } from '@idemtrace/lineage';
import { EmbeddedEngineError, type EngineExit, startEmbeddedEngine } from '@idemtrace/lineage/embedded';
import type { Config } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';
import { tlsOf } from './adapters.ts';

const DAY_MS = 86_400_000;

/** Rows go by whole days. */
export function retentionDays({ lineage }: Pick<Config, 'lineage'>): number {
  return Math.floor(lineage.retention / DAY_MS);
}

export interface LineageStore {
  readonly address: LineageAddress;
  readonly client: ClickHouseClient;
  close(): Promise<void>;
}

export interface LineageOptions {
  readonly onExit?: (exit: EngineExit) => void;
}

/** Where the configured server is; undefined where none is configured. */
export function lineageServer({ clickhouse }: Config): LineageAddress | undefined {
  const { url, username, password, database, tls } = clickhouse;
  if (url === undefined) return undefined;
  return { url, username, password: password?.reveal() ?? '', database, tls: tlsOf(tls) };
}

/** The cluster that the tables are on; undefined where they are of one server. */
export function clusterOf({ clickhouse }: Config): LineageCluster | undefined {
  return clickhouse.cluster === undefined ? undefined : { name: clickhouse.cluster };
}

/**
 * Connects to the configured server, whose schema `idemtrace lineage migrate` keeps up to date. Without one, starts the engine on the folder,
 * brings its schema up to date, and tells other commands of this user where it is.
 */
export async function openLineage(config: Config, options: LineageOptions = {}): Promise<LineageStore> {
  const address = lineageServer(config);
  if (address === undefined) return openEngine(config, options);
  const client = connectLineage(address);
  return { address, client, close: () => client.close() };
}

async function openEngine(config: Config, { onExit }: LineageOptions): Promise<LineageStore> {
  const path = join(config.dataDir, 'lineage');
  const engine = await startEmbeddedEngine({ path, environment: process.env, ...(onExit !== undefined && { onExit }) });
  const address = { url: engine.url, username: engine.username, password: engine.password };
  const client = connectLineage(address);
  await migrate(client);
  await applyRetention(client, retentionOf(retentionDays(config)));
  writeFileSync(addressFile(config), `${JSON.stringify(address)}\n`, { mode: 0o600 });
  return {
    address,
    client,
    async close() {
      rmSync(addressFile(config), { force: true });
      await client.close();
      await engine.stop();
    },
  };
}

/**
 * For a command that only asks: the engine of the process that holds the folder, else one of its own. Throws CommandError
 * `engine_unavailable` where it does not run or is switched off.
 */
export async function queryLineage(config: Config): Promise<LineageStore> {
  if (config.lineage.mode === 'off') throw new CommandError('engine_unavailable', 'Lineage is off (lineage.mode): set it to auto or on.');
  try {
    return await openLineage(config);
  } catch (error) {
    if (!(error instanceof EmbeddedEngineError)) throw error;
    if (error.code !== 'engine_in_use') throw new CommandError('engine_unavailable', error.message, { cause: error });
    const address = readAddress(config, error);
    const client = connectLineage(address);
    return { address, client, close: () => client.close() };
  }
}

function addressFile(config: Config): string {
  return join(config.dataDir, 'lineage-address.json');
}

function readAddress(config: Config, cause: EmbeddedEngineError): LineageAddress {
  try {
    return JSON.parse(readFileSync(addressFile(config), 'utf8'));
  } catch {
    throw new CommandError('data_in_use', cause.message, { cause });
  }
}

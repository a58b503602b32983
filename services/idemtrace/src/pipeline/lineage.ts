/** The lineage of a data folder: the embedded engine, started here or shared with the process that holds it. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { connectLineage, type LineageAddress, migrate } from '@idemtrace/lineage';
import { EmbeddedEngineError, type EngineExit, startEmbeddedEngine } from '@idemtrace/lineage/embedded';
import type { Config } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';

export interface LineageStore {
  readonly address: LineageAddress;
  readonly client: ClickHouseClient;
  close(): Promise<void>;
}

export interface LineageOptions {
  readonly onExit?: (exit: EngineExit) => void;
}

/** Starts the engine on the folder, brings its schema up to date, and tells other commands of this user where it is. */
export async function openLineage(config: Config, { onExit }: LineageOptions = {}): Promise<LineageStore> {
  const path = join(config.dataDir, 'lineage');
  const engine = await startEmbeddedEngine({ path, environment: process.env, ...(onExit !== undefined && { onExit }) });
  const address = { url: engine.url, username: engine.username, password: engine.password };
  const client = connectLineage(address);
  await migrate(client);
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

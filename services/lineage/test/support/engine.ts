import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { type EmbeddedEngine, startEmbeddedEngine } from '../../src/embedded/index.ts';
import { connectLineage } from '../../src/index.ts';

export interface TestEngine {
  readonly engine: EmbeddedEngine;
  readonly client: ClickHouseClient;
  readonly path: string;
  /** A client that sees another database of the same engine, which is created. */
  database(name: string): Promise<ClickHouseClient>;
  stop(): Promise<void>;
}

/** A real engine on a folder of its own. */
export async function startTestEngine(): Promise<TestEngine> {
  const path = await mkdtemp(join(tmpdir(), 'idemtrace-lineage-'));
  const engine = await startEmbeddedEngine({ path });
  const clients: ClickHouseClient[] = [];
  const client = connectLineage(addressOf(engine));
  clients.push(client);
  return {
    engine,
    client,
    path,
    async database(name) {
      await client.command({ query: 'CREATE DATABASE {name:Identifier}', query_params: { name } });
      const scoped = connectLineage({ ...addressOf(engine), database: name });
      clients.push(scoped);
      return scoped;
    },
    async stop() {
      for (const each of clients) await each.close();
      await engine.stop();
      await rm(path, { recursive: true, force: true });
    },
  };
}

function addressOf({ url, username, password }: EmbeddedEngine) {
  return { url, username, password };
}

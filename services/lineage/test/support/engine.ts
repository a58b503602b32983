import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { type EmbeddedEngine, startEmbeddedEngine } from '../../src/embedded/index.ts';
import { connectLineage, quoteText } from '../../src/index.ts';

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

/** ClickHouse reads at most 256 KiB of a query. */
const PARSED_AT_ONCE = 20;

/** Each statement as ClickHouse's own parser reads it. Rejects where one is none, or more than one. */
export async function parsed(client: ClickHouseClient, statements: readonly string[]): Promise<readonly string[]> {
  const texts: string[] = [];
  for (let start = 0; start < statements.length; start += PARSED_AT_ONCE) {
    const some = statements.slice(start, start + PARSED_AT_ONCE).map(quoteText);
    const result = await client.query({
      query: `SELECT formatQuerySingleLine(arrayJoin([${some.join(', ')}])) AS text`,
      format: 'JSONEachRow',
    });
    texts.push(...(await result.json<{ text: string }>()).map(({ text }) => text));
  }
  return texts;
}

/** One statement against the in-process engine, in a session of its own: sessions that are shared leak settings and run one query at a time. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Session } from 'chdb';
import { quoteText } from '../sql.ts';
import { type InsertTarget, RefusedRequest, type Statement } from './statement.ts';

/** What is used of the engine's package. */
export interface EngineModule {
  readonly Session: new (path: string) => Session;
  drainPending(): Promise<void>;
}

export interface Engine {
  /** Yields the result's bytes, at least once for a result without rows where the format says so. The returned summary counts written rows. */
  run(statement: Statement): AsyncGenerator<Uint8Array, RunSummary>;
  /** Stops the query with this id at the engine's next check. */
  kill(queryId: string): void;
  /** Waits for what is running, then gives the data folder up. */
  close(): Promise<void>;
}

export interface RunSummary {
  /** Undefined where the engine does not say. */
  readonly writtenRows: number | undefined;
}

const UNCOUNTED: RunSummary = { writtenRows: undefined };

/** Opens a data folder that this process holds. Throws where the engine cannot. */
export function openEngine(engine: EngineModule, folder: string): Engine {
  const path = join(folder, 'clickhouse');
  const incoming = join(folder, 'incoming');
  rmSync(incoming, { recursive: true, force: true });
  mkdirSync(incoming, { recursive: true });
  // Stays open: the engine ends with its last session, and takes its time to start again.
  const root = new engine.Session(path);

  async function* stream(session: Session, { sql, format }: Statement): AsyncGenerator<Uint8Array> {
    for await (const chunk of session.queryStream(sql, { format })) yield chunk.raw();
  }

  async function insert(session: Session, statement: Statement): Promise<RunSummary> {
    const { sql, data, insert: target } = statement;
    if (data === undefined) {
      await session.queryAsync(sql);
      return UNCOUNTED;
    }
    if (target?.format === 'Native') return insertNative(session, target, data);
    if (target !== undefined) {
      const { rowsWritten } = await session.insert({
        table: target.table,
        values: data,
        format: target.format as 'JSONEachRow',
        ...(target.columns === undefined ? {} : { columns: target.columns }),
      });
      return { writtenRows: rowsWritten };
    }
    const text = data.toString('utf8');
    if (Buffer.byteLength(text) !== data.length) {
      throw new RefusedRequest(73, 'UNKNOWN_FORMAT', 'The embedded engine takes no rows of this format over HTTP');
    }
    await session.queryAsync(`${sql}\n${text}`);
    return UNCOUNTED;
  }

  /** The engine's package takes text alone as bytes; from a file it reads columns, which costs a third of any text. */
  async function insertNative(session: Session, { table, columns }: InsertTarget, data: Buffer): Promise<RunSummary> {
    const file = join(incoming, randomUUID());
    await writeFile(file, data);
    try {
      const [into, from] = columns === undefined ? ['', '*'] : [`(${columns.join(', ')})`, columns.join(', ')];
      await session.queryAsync(`INSERT INTO ${table} ${into} SELECT ${from} FROM file(${quoteText(file)}, 'Native')`);
    } finally {
      await unlink(file);
    }
    return UNCOUNTED;
  }

  return {
    async *run(statement) {
      const session = new engine.Session(path);
      try {
        for (const sql of statement.preamble) session.query(sql);
        if (statement.kind === 'insert') return await insert(session, statement);
        if (statement.chunked) {
          yield* stream(session, statement);
        } else {
          const result = await session.queryAsync(statement.sql, { format: statement.format });
          const bytes = result.bytes();
          if (bytes.length > 0) yield bytes;
        }
        return UNCOUNTED;
      } finally {
        session.close();
      }
    },
    kill(queryId) {
      root.query(`KILL QUERY WHERE Settings['log_comment'] = ${quoteText(queryId)} ASYNC`);
    },
    async close() {
      await engine.drainPending();
      root.close();
      await engine.drainPending();
    },
  };
}

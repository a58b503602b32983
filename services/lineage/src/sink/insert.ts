/** Rows into ClickHouse, as often as it takes. */
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClickHouseClient, ClickHouseError, drainStream } from '@clickhouse/client';
import type { LogRecord } from '@idemtrace/stream';
import type { Block } from './blocks.ts';
import type { Table } from './tables.ts';

/**
 * ClickHouse's codes for rows that it will never take, whatever is tried again: texts that are no value of their column's type (6, 26, 27, 38,
 * 41, 70, 72, 117, 130, 376), values out of range (69, 131, 321, 407), a constraint (469).
 */
const REFUSALS: ReadonlySet<string> = new Set(
  [6, 26, 27, 38, 41, 69, 70, 72, 117, 130, 131, 321, 376, 407, 469].map((code) => String(code)),
);

/** So many refused rows in one insert are no bad rows, but tables of another version: those are waited for. */
const MAX_REFUSED = 100;

const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 5_000;

/** A stable word for what went wrong: ClickHouse's code or the system's, never a message, which may quote a row. */
export function errorCodeOf(error: unknown): string {
  if (error instanceof ClickHouseError) return error.type ?? error.code;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'unknown';
}

/** The sink closes: what is not yet written stays in the log. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** Resolves after so many ms, or as soon as the signal fires. */
export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

/** By the machine's clock. */
export async function waitOnClock(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

export interface Patience {
  readonly signal: AbortSignal;
  readonly wait: Wait;
  readonly onFailure: (error: unknown) => void;
  readonly isFinal?: (error: unknown) => boolean;
}

/** Calls again until it succeeds, waiting longer each time (50 ms to 5 s). Throws Stopped once the signal fires, and what `isFinal` keeps. */
export async function untilDone<T>(call: () => Promise<T>, options: Patience): Promise<T> {
  for (let waitMs = FIRST_BACKOFF_MS; ; waitMs = Math.min(waitMs * 2, MAX_BACKOFF_MS)) {
    try {
      return await call();
    } catch (error) {
      if (error instanceof Stopped || options.isFinal?.(error)) throw error;
      options.onFailure(error);
    }
    if (options.signal.aborted) throw new Stopped();
    // Waking early is what an abort is for; the next call is the last one then.
    await options.wait(waitMs, options.signal);
  }
}

export interface RefusedRecord {
  readonly record: LogRecord;
  /** ClickHouse's code of the refusal. */
  readonly code: string;
}

/** Inserts rows in one go, once for each token. Throws what the client throws. */
export type InsertCall = (insert: Insert) => Promise<void>;

export interface InsertOptions extends Omit<Patience, 'isFinal'> {
  readonly insert: InsertCall;
}

/** What is inserted in one go: blocks of one table. */
export interface Insert {
  readonly table: Table;
  readonly blocks: readonly Block[];
  /** Names this set of rows: tried again after an answer was lost, it is taken once. */
  readonly token: string;
}

/**
 * Resolves once ClickHouse has acknowledged all rows but those that it refuses for good; their records are the answer. Throws Stopped.
 */
export async function insertBlocks(insert: Insert, options: InsertOptions): Promise<readonly RefusedRecord[]> {
  return untilDone(async () => {
    const refused: RefusedRecord[] = [];
    await insertOrBisect(insert, options, refused);
    return refused;
  }, options);
}

async function insertOrBisect(insert: Insert, options: InsertOptions, refused: RefusedRecord[]): Promise<void> {
  try {
    await untilDone(() => options.insert(insert), { ...options, isFinal: isRefusal });
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const [block, ...others] = insert.blocks;
    if (block === undefined || refused.length >= MAX_REFUSED) throw error;
    const [record, ...more] = block.records;
    if (record !== undefined && others.length + more.length === 0) {
      refused.push({ record, code: errorCodeOf(error) });
      return;
    }
    for (const [index, blocks] of (await halves(insert)).entries()) {
      await insertOrBisect({ ...insert, blocks, token: `${insert.token}/${index}` }, options, refused);
    }
  }
}

async function halves({ blocks }: Insert): Promise<readonly (readonly Block[])[]> {
  const [block, ...others] = blocks;
  if (others.length > 0 || block === undefined) return [blocks.slice(0, blocks.length >> 1), blocks.slice(blocks.length >> 1)];
  const { records, again } = block;
  return [await again(records.slice(0, records.length >> 1)), await again(records.slice(records.length >> 1))];
}

function isRefusal(error: unknown): boolean {
  return error instanceof ClickHouseError && REFUSALS.has(error.code);
}

export async function insertOnce(client: ClickHouseClient, { table, blocks, token }: Insert): Promise<void> {
  const { stream } = await client.exec({
    query: `INSERT INTO ${table.name} (${table.columns.join(', ')}) FORMAT Native`,
    values: Readable.from(
      blocks.map(({ bytes }) => bytes),
      { objectMode: false },
    ),
    // An acknowledgement must mean that the rows are in a table (on a cluster: of their shard), whatever the server's defaults; and the token
    // must find the blocks of the insert in the order in which they came the first time. Rows are not merged as they come in: the views read
    // each once whatever the parts hold, and that merge took half of the engine's time.
    clickhouse_settings: {
      insert_deduplication_token: token,
      insert_deduplicate: 1,
      async_insert: 0,
      distributed_foreground_insert: 1,
      max_insert_threads: '1',
      optimize_on_insert: 0,
    },
  });
  await drainStream(stream);
}

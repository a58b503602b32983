/**
 * Group commit for inserts: batches of several partitions wait for one another, a bounded time, and go in one insert a table. Big inserts are
 * far cheaper for ClickHouse than many small ones, and every batch is acknowledged by the insert that it went in.
 */
import { createHash } from 'node:crypto';
import type { LogRecord } from '@idemtrace/stream';
import type { Block } from './blocks.ts';
import { type Insert, type InsertOptions, insertBlocks, type RefusedRecord } from './insert.ts';
import type { Table } from './tables.ts';

export interface GroupLimits {
  /** Insert once so many rows wait. */
  readonly maxRows: number;
  /** Insert once so many bytes of records wait. */
  readonly maxBytes: number;
  /** Insert once a batch has waited so long, in milliseconds. */
  readonly maxMs: number;
}

/** What one batch of a partition adds. */
export interface Part {
  readonly blocks: readonly Block[];
  readonly rows: number;
  readonly bytes: number;
  /** Names the records that the rows are of: a log, a topic, a partition, a range of offsets, their times. */
  readonly range: string;
}

interface Waiting {
  readonly part: Part;
  readonly resolve: (refused: readonly RefusedRecord[]) => void;
  readonly reject: (error: unknown) => void;
}

export class GroupInsert {
  readonly #limits: GroupLimits;
  readonly #options: InsertOptions;
  readonly #onInserted: (table: Table, rows: number, durationMs: number) => void;
  #waiting: Waiting[] = [];
  #rows = 0;
  #bytes = 0;
  /** Set while something waits for company: fires once it goes. */
  #company: AbortController | undefined;
  #running = false;
  /** While set, nothing waits for company. */
  #hurried = false;

  constructor(limits: GroupLimits, options: InsertOptions, onInserted: (table: Table, rows: number, durationMs: number) => void) {
    this.#limits = limits;
    this.#options = options;
    this.#onInserted = onInserted;
  }

  /** Resolves, with the rows that ClickHouse refused for good, once all others of the part are acknowledged. Throws Stopped. */
  add(part: Part): Promise<readonly RefusedRecord[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ part, resolve, reject });
      this.#rows += part.rows;
      this.#bytes += part.bytes;
      if (this.#hurried || this.#rows >= this.#limits.maxRows || this.#bytes >= this.#limits.maxBytes) void this.#insert();
      else if (this.#company === undefined) void this.#insertAfterWait();
    });
  }

  /** From now on batches go at once (or, given false, wait for company again). */
  hurry(on = true): void {
    this.#hurried = on;
    if (on) void this.#insert();
  }

  async #insert(): Promise<void> {
    this.#waitNoLonger();
    if (this.#running) return;
    this.#running = true;
    // What comes while an insert is under way has waited for it: it goes next, whatever the timer says.
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      this.#rows = 0;
      this.#bytes = 0;
      await this.#insertGroup(group);
      this.#waitNoLonger();
    }
    this.#running = false;
  }

  async #insertAfterWait(): Promise<void> {
    const company = new AbortController();
    this.#company = company;
    await this.#options.wait(this.#limits.maxMs, company.signal);
    if (!company.signal.aborted) await this.#insert();
  }

  #waitNoLonger(): void {
    this.#company?.abort();
    this.#company = undefined;
  }

  async #insertGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const refused = new Map<LogRecord, RefusedRecord>();
      for (const insert of insertsOf(group)) {
        const startedAt = performance.now();
        const records = await insertBlocks(insert, this.#options);
        const durationMs = performance.now() - startedAt;
        for (const each of records) refused.set(each.record, each);
        this.#onInserted(insert.table, rowsOf(insert.blocks) - records.length, durationMs);
      }
      for (const { part, resolve } of group) resolve(refusedOf(part, refused));
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}

/** The same for the same records, and for no others. */
function tokenOf(group: readonly Waiting[]): string {
  const hash = createHash('sha256');
  for (const { part } of group) hash.update(`${part.range}\n`);
  return hash.digest('base64url');
}

/** One insert a table. */
function insertsOf(group: readonly Waiting[]): readonly Insert[] {
  const token = tokenOf(group);
  const blocksByTable = Map.groupBy(
    group.flatMap(({ part }) => part.blocks),
    ({ table }) => table,
  );
  return [...blocksByTable].map(([table, blocks]) => ({ table, blocks, token }));
}

function rowsOf(blocks: readonly Block[]): number {
  return blocks.reduce((rows, { records }) => rows + records.length, 0);
}

function refusedOf(part: Part, refused: ReadonlyMap<LogRecord, RefusedRecord>): readonly RefusedRecord[] {
  if (refused.size === 0) return [];
  return part.blocks.flatMap(({ records }) => records.flatMap((record) => refused.get(record) ?? []));
}

import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LogError } from '../errors.ts';
import { FateUnknown, toFateUnknown, toFault, untilFree } from './faults.ts';

interface Job {
  readonly work: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** For how long jobs are added to one transaction: it bounds how long the event loop stands still. */
const transactionMs = 10;

/**
 * Runs jobs in transactions, in the order of their coming. Jobs that come in one turn of the event loop share a transaction, and so one
 * fsync. The event loop turns between transactions, and no transaction is open across a turn: reads on the same connection never see
 * what is not committed.
 */
export class Writer {
  readonly #db: DatabaseSync;
  readonly #file: string;
  #queue: Job[] = [];
  /** So many jobs at the queue's head run each in its own transaction: one of them broke the one that they shared. */
  #alone = 0;
  #draining = false;

  constructor(db: DatabaseSync, file: string) {
    this.#db = db;
    this.#file = file;
  }

  /**
   * Resolves with what `work` returned once that is durable. `work` is synchronous and may run twice; a `LogError` that it throws before
   * it wrote anything rejects it alone. Rejects with `FateUnknown` where COMMIT failed, otherwise nothing of it was written.
   */
  write<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve: (value) => resolve(value as T), reject });
      if (!this.#draining) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    await nextTurn();
    while (this.#queue.length > 0) {
      try {
        await untilFree(() => this.#db.exec('BEGIN IMMEDIATE'), this.#file);
        this.#transact();
      } catch (error) {
        for (const job of this.#queue.splice(0)) job.reject(error);
        this.#alone = 0;
      }
      await nextTurn();
    }
    this.#draining = false;
  }

  #transact(): void {
    const taken: Job[] = [];
    const settle: (() => void)[] = [];
    try {
      const until = performance.now() + transactionMs;
      const most = this.#alone > 0 ? 1 : Number.POSITIVE_INFINITY;
      do {
        const job = this.#queue.shift();
        if (job === undefined) break;
        taken.push(job);
        settle.push(outcomeOf(job));
      } while (taken.length < most && performance.now() < until);
    } catch (error) {
      this.#rollback();
      this.#brokenBy(error, taken);
      return;
    }
    try {
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#rollback();
      const fault = toFateUnknown(error, this.#file);
      for (const job of taken) job.reject(fault);
      return;
    } finally {
      this.#alone = Math.max(0, this.#alone - taken.length);
    }
    for (const act of settle) act();
  }

  #brokenBy(error: unknown, taken: readonly Job[]): void {
    if (taken.length > 1) {
      this.#queue = [...taken, ...this.#queue];
      this.#alone = taken.length;
      return;
    }
    this.#alone = Math.max(0, this.#alone - 1);
    for (const job of taken) job.reject(toFault(error, this.#file));
  }

  /** SQLite ends the transaction itself after some faults (a full disk, an I/O error), and leaves it open after others. */
  #rollback(): void {
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    } catch {
      // The callers hear of the fault that led here; a transaction still open fails the next BEGIN.
    }
  }
}

function outcomeOf(job: Job): () => void {
  try {
    const value = job.work();
    return () => job.resolve(value);
  } catch (error) {
    if (!(error instanceof LogError) || error instanceof FateUnknown) throw error;
    return () => job.reject(error);
  }
}

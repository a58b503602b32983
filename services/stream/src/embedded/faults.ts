import { setTimeout as sleep } from 'node:timers/promises';
import { LogError } from '../errors.ts';

/** Primary result codes of SQLite that decide what a caller may do next (sqlite.org/rescode.html). */
const codes = { busy: 5, locked: 6, full: 13, notADatabase: 26 } as const;

/** For how long a lock of another process is waited for before the log counts as away. */
const patienceMs = 30_000;

/** A COMMIT that failed: all of the transaction is in the log, or nothing of it. */
export class FateUnknown extends LogError {}

function primaryCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}

function isBusy(error: unknown): boolean {
  const code = primaryCodeOf(error);
  return code === codes.busy || code === codes.locked;
}

/** What SQLite reports, as a fault of the log; anything else is handed back as it is. */
export function toFault(error: unknown, file: string): unknown {
  const code = primaryCodeOf(error);
  if (code === undefined) return error;
  if (code === codes.full)
    return new LogError('log_full', `No room to append to the log ${file}: free disk space, or shorten the topics' retention.`, {
      cause: error,
    });
  if (code === codes.notADatabase)
    return new LogError('unsupported_log', `${file} is no SQLite file: choose another folder for the log.`, { cause: error });
  const reason = error instanceof Error ? error.message : 'unknown error';
  return new LogError(
    'log_away',
    `The log ${file} cannot be used (SQLite ${code}: ${reason}): check the folder, its permissions and its disk.`,
    {
      cause: error,
    },
  );
}

/** The fault of a failed COMMIT. After one of a full or failing disk the pages may be in the write-ahead log or not. */
export function toFateUnknown(error: unknown, file: string): unknown {
  const fault = toFault(error, file);
  return fault instanceof LogError ? new FateUnknown(fault.code, fault.message, { cause: error }) : fault;
}

/**
 * Tries again while another process holds the lock, without blocking the event loop in between. SQLite's own faults come out as `LogError`.
 * `attempt` must leave nothing behind where it throws.
 */
export async function untilFree<T>(attempt: () => T, file: string): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (let pause = 1; ; pause = Math.min(pause * 2, 20)) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw toFault(error, file);
      if (performance.now() > deadline) {
        const text = `Another process has held the lock of the log ${file} for ${patienceMs / 1000} s: see which process uses it.`;
        throw new LogError('log_away', text, { cause: error });
      }
    }
    await sleep(pause * (0.5 + Math.random()));
  }
}

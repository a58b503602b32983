import type { Core } from './core.ts';
import { openDatabase } from './database.ts';
import { leaveDoorbell, shareDoorbell, Watch } from './doorbell.ts';
import { Groups } from './groups.ts';
import { type EmbeddedLog, SqliteEventLog } from './log.ts';
import { Records } from './records.ts';
import { Topics } from './topics.ts';
import { Writer } from './writer.ts';

export type { EmbeddedLog } from './log.ts';
export type { RetentionReport } from './retention.ts';

export interface EmbeddedLogOptions {
  /** Folder of the log, on a local disk; made where it is missing. `:memory:` is a log of this one instance, gone with it. */
  readonly path: string;
  /** Stamps records: ms since the epoch. Default the machine's clock. Leases go by the machine's clock in any case. */
  readonly clock?: () => number;
  /** `full` (default): what was appended survives a power cut. `normal`: it survives a kill of the process, a power cut may take the end. */
  readonly synchronous?: 'full' | 'normal';
  /** How soon what other processes write is noticed, ms. Default 50; this process' own writes are noticed at once. */
  readonly pollIntervalMs?: number;
  /** The file grows to so many pages of 8 KiB at most: then appends fail with `log_full`. */
  readonly maxPageCount?: number;
  /** A member of a group that shows no sign of life for so long loses its partitions, ms. Default 10,000; a killed process loses them at once. */
  readonly leaseMs?: number;
  /** How often the log deletes what is no longer kept, ms. Default 60,000. */
  readonly retainIntervalMs?: number;
}

/**
 * Opens, and creates where it is new, the log in a folder. Several processes, and several instances in one, may have it open at once.
 * Throws `LogError`: `unsupported_log` for a file of a newer version or of something else, `log_away` where the folder cannot be used.
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  const { db, file, id, identity } = await openDatabase({
    path: options.path,
    synchronous: options.synchronous ?? 'full',
    maxPageCount: options.maxPageCount,
  });
  const clock = options.clock ?? Date.now;
  const bell = shareDoorbell(identity);
  const dataVersion = db.prepare('PRAGMA data_version');
  let lastVersion: unknown;
  const changed = () => {
    try {
      const version = dataVersion.get()?.data_version;
      const differs = version !== lastVersion;
      lastVersion = version;
      return differs;
    } catch {
      // Whoever waits looks then, and meets the fault itself.
      return true;
    }
  };
  const core: Core = {
    db,
    file,
    clock,
    writer: new Writer(db, file),
    records: new Records(db, clock),
    topics: new Topics(db),
    groups: new Groups(db),
    bell,
    watch: new Watch(changed, bell, options.pollIntervalMs ?? 50),
    closed: false,
  };
  return new SqliteEventLog(core, {
    id,
    leaseMs: options.leaseMs ?? 10_000,
    retainIntervalMs: options.retainIntervalMs ?? 60_000,
    release: () => leaveDoorbell(identity),
  });
}

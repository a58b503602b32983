import type { DatabaseSync } from 'node:sqlite';
import { LogError } from '../errors.ts';
import type { Doorbell, Watch } from './doorbell.ts';
import { untilFree } from './faults.ts';
import type { Groups } from './groups.ts';
import type { Records } from './records.ts';
import type { Topics } from './topics.ts';
import type { Writer } from './writer.ts';

/** What the parts of one instance share. */
export interface Core {
  readonly db: DatabaseSync;
  readonly file: string;
  readonly clock: () => number;
  readonly writer: Writer;
  readonly records: Records;
  readonly topics: Topics;
  readonly groups: Groups;
  readonly bell: Doorbell;
  readonly watch: Watch;
  /** True from the moment that the database is about to be closed. */
  closed: boolean;
}

/** Runs synchronous reads at once where the file is free. Throws `closed`, `log_away`, and what `work` throws. */
export async function read<T>(core: Core, work: () => T): Promise<T> {
  return untilFree(() => {
    refuseClosed(core);
    return work();
  }, core.file);
}

/** As the writer does. */
export async function write<T>(core: Core, work: () => T): Promise<T> {
  refuseClosed(core);
  return core.writer.write(work);
}

export function refuseClosed(core: Core): void {
  if (core.closed) throw new LogError('closed', `The log ${core.file} was closed by this process: open it again.`);
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Core, read, write } from './core.ts';
import { untilFree } from './faults.ts';
import { offsetOf, positionOf } from './records.ts';

/** Records that one transaction deletes at most: it bounds how long the event loop and other processes wait. */
const sliceRecords = 2000;
/** Pages that one step gives back to the disk at most. */
const slicePages = 512;
/** Free pages are kept for the records to come, up to a quarter of the file; less than this is not worth the moving of pages. */
const worthwhilePages = 1024;

export interface RetentionReport {
  /** Records deleted. */
  readonly records: number;
  /** Bytes given back to the disk. */
  readonly bytes: number;
}

interface Bound {
  readonly partitionId: number;
  readonly keepMs: number;
  readonly keepBytes: number;
}

/** Deletes the oldest records as the topics' specifications allow, and gives pages back where many are free. */
export async function retain(core: Core): Promise<RetentionReport> {
  const bounds = await read(core, () => boundsOf(core));
  let records = 0;
  for (const bound of bounds) {
    for (let deleted = sliceRecords; deleted === sliceRecords; ) {
      const excess = await read(core, () => excessOf(core, bound));
      deleted = excess.records === 0 ? 0 : await write(core, () => deleteOldest(core, bound));
      records += deleted;
    }
  }
  return { records, bytes: await giveBack(core) };
}

function boundsOf(core: Core): Bound[] {
  const rows = core.db
    .prepare(
      `SELECT partitions.id, retention_ms, retention_bytes FROM partitions JOIN topics ON topics.id = partitions.topic
       WHERE retention_ms IS NOT NULL OR retention_bytes IS NOT NULL`,
    )
    .all();
  return rows.map((row) => ({
    partitionId: Number(row.id),
    keepMs: Number(row.retention_ms ?? Number.POSITIVE_INFINITY),
    keepBytes: Number(row.retention_bytes ?? Number.POSITIVE_INFINITY),
  }));
}

interface Excess {
  readonly records: number;
  readonly bytes: number;
  /** First offset that is kept. */
  readonly low: number;
}

/** The oldest records, at most a slice of them, that may be deleted. Log times never fall, so the first one that is kept ends the search. */
function excessOf(core: Core, { partitionId, keepMs, keepBytes }: Bound): Excess {
  const state = core.records.stateOf(partitionId);
  const oldest = core.clock() - keepMs;
  const rows = core.db
    .prepare(
      `SELECT position, log_time, ifnull(length(key), 0) + length(value) + ifnull(length(headers), 0) AS bytes
       FROM records WHERE position >= ? AND position < ? ORDER BY position LIMIT ?`,
    )
    .iterate(positionOf(partitionId, state.low), positionOf(partitionId + 1, 0), sliceRecords);
  let records = 0;
  let bytes = 0;
  let low = state.low;
  for (const row of rows) {
    const tooOld = Number(row.log_time) < oldest;
    if (!tooOld && state.bytes - bytes <= keepBytes) break;
    records++;
    bytes += Number(row.bytes);
    low = offsetOf(Number(row.position)) + 1;
  }
  return { records, bytes, low };
}

function deleteOldest(core: Core, bound: Bound): number {
  const { records, bytes, low } = excessOf(core, bound);
  core.db
    .prepare('DELETE FROM records WHERE position >= ? AND position < ?')
    .run(positionOf(bound.partitionId, 0), positionOf(bound.partitionId, low));
  core.db.prepare('UPDATE partitions SET low = ?, bytes = bytes - ? WHERE id = ?').run(low, bytes, bound.partitionId);
  return records;
}

async function giveBack(core: Core): Promise<number> {
  const pageBytes = await numberOf(core, 'page_size');
  const before = await numberOf(core, 'page_count');
  for (;;) {
    const free = await numberOf(core, 'freelist_count');
    const total = await numberOf(core, 'page_count');
    if (free < worthwhilePages || free * 4 < total) return Math.max(0, before - total) * pageBytes;
    await untilFree(() => core.db.exec(`PRAGMA incremental_vacuum(${slicePages})`), core.file);
    if ((await numberOf(core, 'page_count')) === total) return Math.max(0, before - total) * pageBytes;
    await nextTurn();
  }
}

function numberOf(core: Core, pragma: string): Promise<number> {
  return read(core, () => Number(Object.values(core.db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]));
}

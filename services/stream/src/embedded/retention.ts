import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Core, read, write } from './core.ts';
import { untilFree } from './faults.ts';

/** Chunks that one transaction deletes at most: it bounds how long the event loop and other processes wait. */
const sliceChunks = 64;
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
    for (;;) {
      const excess = await read(core, () => excessOf(core, bound));
      if (excess.records === 0) break;
      records += await write(core, () => deleteOldest(core, bound));
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
  let low = state.low;
  let bytes = 0;
  for (const chunk of core.records.chunksFrom(partitionId, low, sliceChunks)) {
    const end = chunk.first + chunk.records;
    if (low === chunk.first && (chunk.logTime < oldest || state.bytes - bytes - chunk.payload > keepBytes)) {
      bytes += chunk.payload;
      low = end;
      continue;
    }
    // Part of the chunk is gone, or only part of it may go: its records are looked at one by one.
    for (const size of core.records.sizesOf(partitionId, chunk.first).slice(low - chunk.first)) {
      if (chunk.logTime >= oldest && state.bytes - bytes <= keepBytes) break;
      bytes += size;
      low++;
    }
    if (low < end) break;
  }
  return { records: low - state.low, bytes, low };
}

function deleteOldest(core: Core, bound: Bound): number {
  const { records, bytes, low } = excessOf(core, bound);
  core.records.cut(bound.partitionId, low, bytes);
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

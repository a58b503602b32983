/** Taking the content of records away while their places stay: a log's offsets are what everything else is told by. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LogError } from '../errors.ts';
import { type Core, read, write } from './core.ts';
import { untilFree } from './faults.ts';
import type { StoredRecord } from './records.ts';

/** Chunks that one transaction writes anew at most: it bounds how long the event loop and other processes wait. */
const sliceChunks = 32;

export async function overwrite(core: Core, partitionId: number, offsets: readonly number[], value: Buffer): Promise<void> {
  const blank: StoredRecord = { key: null, value, headers: null, bytes: value.length };
  for (let done = 0; done < offsets.length; ) {
    done = await write(core, () => overwriteSlice(core, partitionId, offsets, done, blank));
    await nextTurn();
  }
}

/** Answers how many of the offsets are behind it. */
function overwriteSlice(core: Core, partitionId: number, offsets: readonly number[], from: number, blank: StoredRecord): number {
  const { low, high } = core.records.stateOf(partitionId);
  let at = from;
  for (let chunks = 0; chunks < sliceChunks && at < offsets.length; chunks++) {
    const offset = offsets[at] ?? high;
    const [chunk] = offset < low || offset >= high ? [] : core.records.chunksFrom(partitionId, offset, 1);
    if (chunk === undefined) {
      at++;
      continue;
    }
    const end = chunk.first + chunk.records;
    const wanted = new Set<number>();
    for (; at < offsets.length && (offsets[at] ?? end) < end; at++) wanted.add(offsets[at] ?? -1);
    const grown = core.records.rewrite(partitionId, chunk.first, (record, place) => (wanted.has(place) ? blank : record));
    core.records.grow(partitionId, grown);
  }
  return at;
}

export async function scrub(core: Core): Promise<void> {
  await write(core, () => emptyDeleted(core));
  // What was deleted before is in free pages too, so overwriting pages as they are freed would not be enough.
  await untilFree(() => core.db.exec('VACUUM'), core.file);
  const checkpoint = await read(core, () => core.db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get());
  if (checkpoint?.busy === 0) return;
  throw new LogError(
    'log_away',
    `Another process reads the log ${core.file}: what was overwritten is still in its write-ahead log. Stop it, and try again.`,
  );
}

/** A chunk goes with the last of its records: those that retention has taken from it are still in its bytes. */
function emptyDeleted(core: Core): void {
  const empty: StoredRecord = { key: null, value: Buffer.alloc(0), headers: null, bytes: 0 };
  for (const { id } of core.db.prepare('SELECT id FROM partitions').all()) {
    const partitionId = Number(id);
    const { low } = core.records.stateOf(partitionId);
    const [chunk] = core.records.chunksFrom(partitionId, low, 1);
    // Not counted any more: the partition's bytes stay as they are.
    if (chunk !== undefined && chunk.first < low)
      core.records.rewrite(partitionId, chunk.first, (record, offset) => (offset < low ? empty : record));
  }
}

import type { DatabaseSync } from 'node:sqlite';
import { offsetOf, Records, type StoredRecord } from './records.ts';

/** Records that are held in memory at once. */
const MOST_HELD = 512;

/** From schema version 1, which had a row for every record: within one transaction, so that a log is of one version or the other. */
export function upgradeFromRecords(db: DatabaseSync, chunks: string): void {
  db.exec(chunks);
  const records = new Records(db, Date.now);
  const rows = db.prepare('SELECT position, log_time, key, value, headers FROM records ORDER BY position');
  rows.setReturnArrays(true);
  let held: StoredRecord[] = [];
  let first = 0;
  let heldTime = 0;
  const store = () => {
    if (held.length > 0) records.insert(first, heldTime, held);
    held = [];
  };
  for (const row of rows.iterate() as Iterable<unknown>) {
    const [position, logTime, ...parts] = row as [number, number, Uint8Array | null, Uint8Array, Uint8Array | null];
    const [key, value, headers] = parts.map((part) => (part === null ? null : Buffer.from(part)));
    const follows = position === first + held.length && offsetOf(position) > 0 && logTime === heldTime && held.length < MOST_HELD;
    if (!follows) {
      store();
      first = position;
      heldTime = logTime;
    }
    const stored = { key: key ?? null, value: value ?? Buffer.alloc(0), headers: headers ?? null };
    held.push({ ...stored, bytes: (stored.key?.length ?? 0) + stored.value.length + (stored.headers?.length ?? 0) });
  }
  store();
  db.exec('DROP TABLE records');
}

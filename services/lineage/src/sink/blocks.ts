/** From records of the log to blocks of rows, a slice at a time, so that neither memory nor the event loop feels a large batch. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AnyRecord, Codec } from '@idemtrace/schemas';
import type { LogRecord } from '@idemtrace/stream';
import { type Row, TABLE_OF, type Table } from './tables.ts';

/** Rows of one table, ready to be sent, and the records that they are of. */
export interface Block {
  readonly table: Table;
  readonly bytes: Buffer;
  readonly records: readonly LogRecord[];
  /** Blocks of some of these records, where they must be sent apart. */
  readonly again: (records: readonly LogRecord[]) => Promise<readonly Block[]>;
}

export interface Blocks {
  readonly blocks: readonly Block[];
  /** Records that cannot be decoded, or have no business on this topic. */
  readonly skipped: number;
}

/** Decoded objects die young in slices of this size, and most garbage costs nothing; ten times as many cost twice the time a row. */
const SLICE = 1_000;

/** Rejects with what the codec rejects with: the registry is away. */
export async function blocksOf(
  codec: Pick<Codec, 'decode'>,
  expect: ReadonlySet<AnyRecord['name']>,
  records: readonly LogRecord[],
): Promise<Blocks> {
  const blocks: Block[] = [];
  const again: Block['again'] = async (some) => (await blocksOf(codec, expect, some)).blocks;
  let skipped = 0;
  for (let start = 0; start < records.length; start += SLICE) {
    if (start > 0) await nextTurn();
    const slice = records.slice(start, start + SLICE);
    const rows = new Map<Table, Row[]>();
    for (const [index, decoded] of (await codec.decode(slice)).entries()) {
      const at = slice[index];
      if (at === undefined || !decoded.ok || !expect.has(decoded.record.name)) {
        skipped += 1;
        continue;
      }
      const table = TABLE_OF[decoded.record.name];
      if (table === undefined) continue;
      const ofTable = rows.get(table);
      if (ofTable === undefined) rows.set(table, [{ value: decoded.record.value, at }]);
      else ofTable.push({ value: decoded.record.value, at });
    }
    for (const [table, ofTable] of rows) blocks.push({ table, bytes: table.encode(ofTable), records: ofTable.map(({ at }) => at), again });
  }
  return { blocks, skipped };
}

/**
 * Chunks: how the log's file holds records. What one append gives a partition is one row, or a few, so that SQLite's work is paid once a
 * chunk: a row for every record cost more time than all that is done to its bytes.
 *
 * Of each record the lengths of key, value and headers (32 bits each, little-endian; of key and headers one more, 0 is null), then their bytes.
 */
import type { StoredRecord } from './records.ts';

const LENGTHS_BYTES = 12;
/** A reader that begins in the middle of a chunk reads all of it: no longer than that is worth while. */
const MOST_BYTES = 256 * 1024;
const MOST_RECORDS = 512;

/** Payload of a chunk: the bytes of its records' keys, values and headers. */
export function payloadOf(chunkBytes: number, records: number): number {
  return chunkBytes - records * LENGTHS_BYTES;
}

/** Cuts records into those of one chunk each; a record larger than a chunk has one for itself. */
export function* chunksOf(records: readonly StoredRecord[]): Generator<readonly StoredRecord[]> {
  for (let from = 0; from < records.length; ) {
    let to = from;
    for (let bytes = 0; to < records.length && to - from < MOST_RECORDS; to++) {
      bytes += LENGTHS_BYTES + (records[to]?.bytes ?? 0);
      if (bytes > MOST_BYTES && to > from) break;
    }
    yield from === 0 && to === records.length ? records : records.slice(from, to);
    from = to;
  }
}

export function writeChunk(records: readonly StoredRecord[]): Buffer {
  const payload = records.reduce((sum, { bytes }) => sum + bytes, 0);
  const chunk = Buffer.allocUnsafe(payload + records.length * LENGTHS_BYTES);
  let at = 0;
  for (const { key, value, headers } of records) {
    chunk.writeUInt32LE(key === null ? 0 : key.length + 1, at);
    chunk.writeUInt32LE(value.length, at + 4);
    chunk.writeUInt32LE(headers === null ? 0 : headers.length + 1, at + 8);
    at += LENGTHS_BYTES;
    for (const part of [key, value, headers]) if (part !== null) at += part.copy(chunk, at);
  }
  return chunk;
}

/** Records of a chunk after the first `skipped`, as views of its bytes. */
export function* recordsIn(chunk: Buffer, skipped: number): Generator<StoredRecord> {
  let at = 0;
  for (let index = 0; at < chunk.length; index++) {
    const keyLength = chunk.readUInt32LE(at) - 1;
    const valueLength = chunk.readUInt32LE(at + 4);
    const headersLength = chunk.readUInt32LE(at + 8) - 1;
    const keyAt = at + LENGTHS_BYTES;
    const valueAt = keyAt + Math.max(keyLength, 0);
    const headersAt = valueAt + valueLength;
    at = headersAt + Math.max(headersLength, 0);
    if (index < skipped) continue;
    yield {
      key: keyLength < 0 ? null : chunk.subarray(keyAt, valueAt),
      value: chunk.subarray(valueAt, headersAt),
      headers: headersLength < 0 ? null : chunk.subarray(headersAt, at),
      bytes: at - keyAt,
    };
  }
}

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { LogError } from '../errors.ts';
import type { LogRecord, NewRecord } from '../port.ts';
import { chunksOf, payloadOf, recordsIn, writeChunk } from './chunk.ts';
import { decodeHeaders, encodeHeaders } from './headers.ts';

/** Offsets of a partition: positions up to 2^53 leave room for 8,191 partitions of a file. */
const offsetsPerPartition = 2 ** 40;
export const mostPartitions = 8191;
/** A record goes through memory several times. Kafka's own default is 1 MiB. */
const mostRecordBytes = 16 * 1024 * 1024;

/** A record in the form that a chunk holds. */
export interface StoredRecord {
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly headers: Buffer | null;
  readonly bytes: number;
}

/** Key, value and headers of a new record. Throws `record_too_large`; `index` is its place in the call, for the message. */
export function toStored(record: Pick<NewRecord, 'key' | 'value' | 'headers'>, topic: string, index: number): StoredRecord {
  const key = typeof record.key === 'string' ? Buffer.from(record.key) : record.key;
  const headers = encodeHeaders(record.headers);
  const bytes = (key?.length ?? 0) + record.value.length + (headers?.length ?? 0);
  if (bytes > mostRecordBytes)
    throw new LogError('record_too_large', `Record ${index} for topic ${topic} has ${bytes} bytes, at most ${mostRecordBytes} are taken.`);
  return { key, value: record.value, headers, bytes };
}

export interface PartitionState {
  readonly low: number;
  readonly high: number;
  readonly lastTime: number;
  readonly bytes: number;
}

export interface Span {
  readonly topic: string;
  readonly partition: number;
  readonly partitionId: number;
}

export interface FetchLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

export function positionOf(partitionId: number, offset: number): number {
  return partitionId * offsetsPerPartition + offset;
}

export function offsetOf(position: number): number {
  return position % offsetsPerPartition;
}

/** A chunk as its row says, without its bytes. */
export interface ChunkRow {
  /** Offset of its first record. */
  readonly first: number;
  readonly logTime: number;
  readonly records: number;
  readonly payload: number;
}

/** The chunks that hold the records from a position on: the one in which it lies starts before it. */
const FROM_POSITION = `
  FROM chunks WHERE position >= ifnull((
    SELECT position FROM chunks WHERE position <= :position AND position >= :start ORDER BY position DESC LIMIT 1
  ), :start) AND position < :end ORDER BY position`;

/** Records and bounds of partitions. Every method is one or several statements: what must hold together is called within one transaction. */
export class Records {
  readonly #clock: () => number;
  readonly #state: StatementSync;
  readonly #insert: StatementSync;
  readonly #advance: StatementSync;
  readonly #fetch: StatementSync;
  readonly #rows: StatementSync;
  readonly #time: StatementSync;
  readonly #chunk: StatementSync;
  readonly #delete: StatementSync;
  readonly #cut: StatementSync;
  readonly #rewrite: StatementSync;
  readonly #grow: StatementSync;

  constructor(db: DatabaseSync, clock: () => number) {
    this.#clock = clock;
    this.#state = db.prepare('SELECT low, high, last_time, bytes FROM partitions WHERE id = ?');
    this.#insert = db.prepare('INSERT INTO chunks VALUES (?, ?, ?, ?)');
    this.#advance = db.prepare('UPDATE partitions SET high = ?, last_time = ?, bytes = bytes + ? WHERE id = ?');
    this.#fetch = db.prepare(`SELECT position, log_time, bytes ${FROM_POSITION}`);
    this.#fetch.setReturnArrays(true);
    this.#rows = db.prepare(`SELECT position, log_time, records, length(bytes) AS bytes ${FROM_POSITION} LIMIT :most`);
    this.#time = db.prepare('SELECT log_time FROM chunks WHERE position <= ? AND position >= ? ORDER BY position DESC LIMIT 1');
    this.#chunk = db.prepare('SELECT bytes FROM chunks WHERE position = ?');
    this.#delete = db.prepare('DELETE FROM chunks WHERE position >= ?1 AND position < ?2 AND position + records <= ?2');
    this.#rewrite = db.prepare('UPDATE chunks SET bytes = ? WHERE position = ?');
    this.#grow = db.prepare('UPDATE partitions SET bytes = bytes + ? WHERE id = ?');
    this.#cut = db.prepare('UPDATE partitions SET low = ?, bytes = bytes - ? WHERE id = ?');
  }

  stateOf(partitionId: number): PartitionState {
    const row = this.#state.get(partitionId) ?? {};
    return { low: Number(row.low), high: Number(row.high), lastTime: Number(row.last_time), bytes: Number(row.bytes) };
  }

  /** First offset of the records appended. Their log time is the clock's, or that of the partition's last record where the clock fell behind it. */
  append(partitionId: number, records: readonly StoredRecord[]): number {
    const { high, lastTime } = this.stateOf(partitionId);
    const logTime = Math.max(Math.trunc(this.#clock()), lastTime);
    this.insert(positionOf(partitionId, high), logTime, records);
    const bytes = records.reduce((sum, record) => sum + record.bytes, 0);
    this.#advance.run(high + records.length, logTime, bytes, partitionId);
    return high;
  }

  /** Writes records that all have one log time; the partition's bounds are the caller's. */
  insert(position: number, logTime: number, records: readonly StoredRecord[]): void {
    let next = position;
    for (const chunk of chunksOf(records)) {
      this.#insert.run(next, logTime, chunk.length, writeChunk(chunk));
      next += chunk.length;
    }
  }

  /** Records from an offset on, in order: as many as fit, and one at least where there is one. They share memory with those of their chunk. */
  fetch(span: Span, from: number, limits: FetchLimits): LogRecord[] {
    const { topic, partition, partitionId } = span;
    const first = Math.max(from, this.stateOf(partitionId).low);
    const records: LogRecord[] = [];
    let bytes = 0;
    for (const row of this.#fetch.iterate(rangeOf(partitionId, first)) as Iterable<unknown>) {
      const [position, logTime, content] = row as [number, number, Uint8Array];
      const chunkAt = offsetOf(position);
      let offset = Math.max(first, chunkAt);
      for (const { key, value, headers, bytes: size } of recordsIn(bufferOf(content), offset - chunkAt)) {
        bytes += size;
        if (bytes > limits.maxBytes && records.length > 0) return records;
        records.push({ topic, partition, offset: offset++, logTime, key, value, headers: decodeHeaders(headers) });
        if (records.length >= limits.maxRecords) return records;
      }
    }
    return records;
  }

  /** First offset at or after a log time; `high` where there is none. Log times never fall, so halving finds it. */
  offsetAt(partitionId: number, logTime: number): number {
    const { low, high } = this.stateOf(partitionId);
    let from = low;
    let to = high;
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      const row = this.#time.get(positionOf(partitionId, middle), positionOf(partitionId, 0));
      if (row !== undefined && Number(row.log_time) < logTime) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** The chunks from the one on that holds an offset, at most so many. */
  chunksFrom(partitionId: number, offset: number, most: number): ChunkRow[] {
    return this.#rows.all({ ...rangeOf(partitionId, offset), most }).map((row) => ({
      first: offsetOf(Number(row.position)),
      logTime: Number(row.log_time),
      records: Number(row.records),
      payload: payloadOf(Number(row.bytes), Number(row.records)),
    }));
  }

  /** Bytes of each record of a chunk, by the offset of its first. */
  sizesOf(partitionId: number, first: number): number[] {
    const content = this.#chunk.get(positionOf(partitionId, first))?.bytes;
    return content instanceof Uint8Array ? Array.from(recordsIn(bufferOf(content), 0), ({ bytes }) => bytes) : [];
  }

  /** Puts other records in the place of those of a chunk; their number, and so every offset, stays. Answers by how many bytes it grew. */
  rewrite(partitionId: number, first: number, replace: (record: StoredRecord, offset: number) => StoredRecord): number {
    const position = positionOf(partitionId, first);
    const content = this.#chunk.get(position)?.bytes;
    if (!(content instanceof Uint8Array)) return 0;
    const before = Array.from(recordsIn(bufferOf(content), 0));
    const after = before.map((record, index) => replace(record, first + index));
    this.#rewrite.run(writeChunk(after), position);
    return after.reduce((grown, { bytes }, index) => grown + bytes - (before[index]?.bytes ?? 0), 0);
  }

  /** Notes that a partition's records grew. */
  grow(partitionId: number, bytes: number): void {
    this.#grow.run(bytes, partitionId);
  }

  /** Lets go of the records below an offset, `bytes` in all; a chunk goes with the last of its records. */
  cut(partitionId: number, low: number, bytes: number): void {
    this.#delete.run(positionOf(partitionId, 0), positionOf(partitionId, low));
    this.#cut.run(low, bytes, partitionId);
  }
}

function rangeOf(partitionId: number, offset: number): { readonly position: number; readonly start: number; readonly end: number } {
  return { position: positionOf(partitionId, offset), start: positionOf(partitionId, 0), end: positionOf(partitionId + 1, 0) };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

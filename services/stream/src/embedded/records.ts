import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { LogError } from '../errors.ts';
import type { LogRecord, NewRecord } from '../port.ts';
import { decodeHeaders, encodeHeaders } from './headers.ts';

/** Offsets of a partition: positions up to 2^53 leave room for 8,191 partitions of a file. */
const offsetsPerPartition = 2 ** 40;
export const mostPartitions = 8191;
/** A record goes through memory several times. Kafka's own default is 1 MiB. */
const mostRecordBytes = 16 * 1024 * 1024;

/** A record in the form of the table's columns. */
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

/** Records and bounds of partitions. Every method is one or several statements: what must hold together is called within one transaction. */
export class Records {
  readonly #clock: () => number;
  readonly #state: StatementSync;
  readonly #insert: StatementSync;
  readonly #advance: StatementSync;
  readonly #fetch: StatementSync;
  readonly #time: StatementSync;

  constructor(db: DatabaseSync, clock: () => number) {
    this.#clock = clock;
    this.#state = db.prepare('SELECT low, high, last_time, bytes FROM partitions WHERE id = ?');
    this.#insert = db.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?)');
    this.#advance = db.prepare('UPDATE partitions SET high = ?, last_time = ?, bytes = bytes + ? WHERE id = ?');
    this.#fetch = db.prepare(
      'SELECT position, log_time, key, value, headers FROM records WHERE position >= ? AND position < ? ORDER BY position LIMIT ?',
    );
    this.#fetch.setReturnArrays(true);
    this.#time = db.prepare('SELECT log_time FROM records WHERE position >= ? AND position < ? ORDER BY position LIMIT 1');
  }

  stateOf(partitionId: number): PartitionState {
    const row = this.#state.get(partitionId) ?? {};
    return { low: Number(row.low), high: Number(row.high), lastTime: Number(row.last_time), bytes: Number(row.bytes) };
  }

  /** First offset of the records appended. Their log time is the clock's, or that of the partition's last record where the clock fell behind it. */
  append(partitionId: number, records: readonly StoredRecord[]): number {
    const { high, lastTime } = this.stateOf(partitionId);
    const logTime = Math.max(Math.trunc(this.#clock()), lastTime);
    let bytes = 0;
    let position = positionOf(partitionId, high);
    for (const record of records) {
      this.#insert.run(position++, logTime, record.key, record.value, record.headers);
      bytes += record.bytes;
    }
    this.#advance.run(high + records.length, logTime, bytes, partitionId);
    return high;
  }

  /** Records from an offset on, in order: as many as fit, and one at least where there is one. */
  fetch(span: Span, from: number, limits: FetchLimits): LogRecord[] {
    const { topic, partition, partitionId } = span;
    const records: LogRecord[] = [];
    let bytes = 0;
    const rows = this.#fetch.iterate(positionOf(partitionId, from), positionOf(partitionId + 1, 0), limits.maxRecords);
    for (const row of rows as Iterable<unknown>) {
      const [position, logTime, key, value, headers] = row as [number, number, Uint8Array | null, Uint8Array, Uint8Array | null];
      bytes += (key?.length ?? 0) + value.length + (headers?.length ?? 0);
      if (bytes > limits.maxBytes && records.length > 0) break;
      records.push({
        topic,
        partition,
        offset: offsetOf(position),
        logTime,
        key: key === null ? null : bufferOf(key),
        value: bufferOf(value),
        headers: decodeHeaders(headers === null ? null : bufferOf(headers)),
      });
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
      const row = this.#time.get(positionOf(partitionId, middle), positionOf(partitionId + 1, 0));
      if (row !== undefined && Number(row.log_time) < logTime) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Records as kafkajs sends them, in slices that the cluster takes: one slice is one batch of records of a partition. */
import type { Message } from 'kafkajs';

/** kafkajs takes the sequence of an idempotent producer back after a failure by the number of messages sent: small sends keep that small. */
export const mostRecords = 1000;
/** Of a batch of records before its first: Kafka's format 2. */
const batchOverhead = 61;
/** Length, attributes, deltas of time and offset, lengths of key and value, number of headers: at most. */
const recordOverhead = 40;

export interface Sendable {
  readonly key: string | Buffer | null;
  readonly value: Buffer;
  readonly headers?: Readonly<Record<string, Buffer>>;
}

/** Bytes that a record alone makes of a batch, at most, uncompressed. */
export function batchSizeOf(record: Sendable): number {
  return batchOverhead + encodedSize(record);
}

function encodedSize({ key, value, headers }: Sendable): number {
  let size = recordOverhead + (key === null ? 0 : Buffer.byteLength(key)) + value.length;
  for (const name in headers) size += Buffer.byteLength(name) + (headers[name]?.length ?? 0) + 10;
  return size;
}

/** Consecutive slices of at most `mostRecords` records and `maxBytes` bytes; a record that is larger is alone in its slice. */
export function slicesOf<T>(items: readonly T[], maxBytes: number, recordOf: (item: T) => Sendable): readonly (readonly T[])[] {
  const slices: T[][] = [];
  let room = 0;
  for (const item of items) {
    const size = encodedSize(recordOf(item));
    const slice = slices.at(-1);
    if (slice === undefined || slice.length >= mostRecords || size > room) {
      slices.push([item]);
      room = maxBytes - batchOverhead - size;
    } else {
      slice.push(item);
      room -= size;
    }
  }
  return slices;
}

export function messageOf({ key, value, headers }: Sendable, partition: number): Message {
  return { key, value, partition, ...(headers !== undefined && { headers: { ...headers } }) };
}

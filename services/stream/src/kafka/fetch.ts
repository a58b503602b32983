/** Reads committed records of partitions from their leader, without a group. */
import type { LogRecord } from '../port.ts';
import type { Broker, FetchedMessage, FetchedPartition } from './client.ts';

/** Records of one fetch of one partition. */
export interface Chunk {
  readonly from: number;
  /** One past the last offset that the fetch covered, control records and aborted ones included. */
  readonly to: number;
  readonly records: readonly LogRecord[];
  readonly bytes: number;
  /** Where the partition's committed records ended when it was fetched. */
  readonly end: number;
}

const READ_COMMITTED = 1;
/** Of a fetch; the first batch of records is always given whole. */
const mostBytes = 8 * 1024 * 1024;
const mostBytesOfPartition = 1024 * 1024;

export async function fetchChunks(
  broker: Broker,
  topic: string,
  positions: ReadonlyMap<number, number>,
  maxWaitTime: number,
): Promise<ReadonlyMap<number, Chunk>> {
  const partitions = [...positions].map(([partition, from]) => ({ partition, fetchOffset: String(from), maxBytes: mostBytesOfPartition }));
  const { responses } = await broker.fetch({
    isolationLevel: READ_COMMITTED,
    maxWaitTime,
    minBytes: 1,
    maxBytes: mostBytes,
    topics: [{ topic, partitions }],
  });
  const chunks = new Map<number, Chunk>();
  // A topic may be answered in several parts: kafkajs asks in a shuffled order.
  for (const fetched of responses.flatMap((response) => response.partitions)) {
    const from = positions.get(fetched.partition);
    if (from !== undefined) chunks.set(fetched.partition, chunkOf(topic, from, fetched));
  }
  return chunks;
}

/**
 * Leaves out control records, records of aborted transactions, and those before `from` (a batch of records is given whole). An aborted
 * transaction of a producer starts at the offset that the answer lists and ends at that producer's abort marker; several may be open at once.
 * kafkajs' own filter opens at most one per record, and takes any record with a key of four zero bytes for a marker.
 */
export function chunkOf(
  topic: string,
  from: number,
  { partition, messages, abortedTransactions, lastStableOffset }: FetchedPartition,
): Chunk {
  const aborted = [...(abortedTransactions ?? [])]
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: Number(firstOffset) }))
    .sort((left, right) => left.firstOffset - right.firstOffset);
  const open = new Set<string>();
  const records: LogRecord[] = [];
  let bytes = 0;
  let begun = 0;
  let to = from;
  for (const message of messages) {
    const offset = Number(message.offset);
    for (let next = aborted[begun]; next !== undefined && next.firstOffset <= offset; next = aborted[++begun]) open.add(next.producerId);
    const { producerId = '', inTransaction = false } = message.batchContext ?? {};
    if (message.isControlRecord === true) {
      if (isAbortMarker(message)) open.delete(producerId);
    } else if (offset >= from && !(inTransaction && open.has(producerId))) {
      const record = recordOf(topic, partition, offset, message);
      records.push(record);
      bytes += sizeOf(record);
    }
    to = Math.max(to, offset + 1);
  }
  return { from, to, records, bytes, end: Number(lastStableOffset) };
}

/** A control record's key is its version and its type, two bytes each; type 0 aborts. */
function isAbortMarker({ key }: FetchedMessage): boolean {
  return key !== null && key.length >= 4 && key.readInt16BE(2) === 0;
}

const noHeaders: Readonly<Record<string, Buffer>> = Object.freeze({});

function recordOf(topic: string, partition: number, offset: number, { timestamp, key, value, headers }: FetchedMessage): LogRecord {
  return { topic, partition, offset, logTime: Number(timestamp), key, value, headers: headersOf(headers) };
}

/** Of a header given several times the first counts; one without a value is empty. */
function headersOf(headers: FetchedMessage['headers']): Readonly<Record<string, Buffer>> {
  let read: Record<string, Buffer> | undefined;
  for (const name in headers) {
    const given = headers[name];
    read ??= {};
    read[name] = (Buffer.isBuffer(given) ? given : given?.[0]) ?? Buffer.alloc(0);
  }
  return read ?? noHeaders;
}

/** Bytes of what a record carries. */
export function sizeOf({ key, value, headers }: LogRecord): number {
  let size = (key?.length ?? 0) + (value?.length ?? 0);
  for (const name in headers) size += name.length + (headers[name]?.length ?? 0);
  return size;
}

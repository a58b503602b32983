import { hash } from 'node:crypto';
import type { DeadLetter } from './generated/types.ts';

/** A record that stands in a log; `LogRecord` of the event-log port is one. */
export interface StandingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** ms since the epoch. */
  readonly logTime: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
}

/**
 * Most bytes that a dead letter carries of a value, of a key, and of all headers together. A log takes records that are longer than a dead
 * letter may be, or that are nothing but key and headers: whatever came, the letter about it must be writable, else it would stall its
 * partition (W7). A valid record is far below each.
 */
const VALUE_BYTES = 1_048_576;
const KEY_BYTES = 65_536;
const HEADERS_BYTES = 524_288;
/** What a header costs beside its name and value, at most. */
const HEADER_OVERHEAD = 16;

/**
 * A record that is not judged or not stored, with its reason, position and bytes. What is cut of it is told by `detail`; `valueTruncated` then
 * says that what is left is not the whole record, whichever part was cut. Length and SHA-256 are those of the whole value.
 */
export function deadLetterOf(record: StandingRecord, reason: string, detail: string): DeadLetter {
  const { topic, partition, offset, logTime, key, value } = record;
  const { headers, omitted } = headersOf(record);
  const cut = [
    ...(isLonger(value, VALUE_BYTES) ? [`value cut at ${VALUE_BYTES} bytes`] : []),
    ...(isLonger(key, KEY_BYTES) ? [`key cut at ${KEY_BYTES} bytes`] : []),
    ...(omitted > 0 ? [`${omitted} headers left out`] : []),
  ];
  return {
    reason,
    detail: [detail, ...cut].join('; '),
    topic,
    partition,
    offset,
    logTime,
    key: key?.subarray(0, KEY_BYTES) ?? null,
    value: value?.subarray(0, VALUE_BYTES) ?? null,
    valueTruncated: cut.length > 0,
    valueBytes: value?.length ?? 0,
    valueSha256: value === null ? null : hash('sha256', value, 'hex'),
    headers,
  };
}

function isLonger(bytes: Buffer | null, most: number): boolean {
  return bytes !== null && bytes.length > most;
}

function headersOf({ headers }: StandingRecord): { readonly headers: DeadLetter['headers']; readonly omitted: number } {
  const kept: { name: string; value: Buffer }[] = [];
  let room = HEADERS_BYTES;
  let omitted = 0;
  for (const [name, value] of Object.entries(headers)) {
    const size = Buffer.byteLength(name) + value.length + HEADER_OVERHEAD;
    if (size > room) omitted += 1;
    else {
      room -= size;
      // Text in UTF-8 carries no lone surrogate; a name that holds one came from a writer in this process.
      kept.push({ name: name.toWellFormed(), value });
    }
  }
  return { headers: kept, omitted };
}

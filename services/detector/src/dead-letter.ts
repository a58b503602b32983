import { hash } from 'node:crypto';
import type { DeadLetter } from '@idemtrace/schemas';
import type { LogRecord } from '@idemtrace/stream';

/** Most bytes of a value that a dead letter carries: what is longer is cut, and told by its length and SHA-256. */
const VALUE_BYTES = 1_048_576;

/** A record that could not be judged, with its reason, position and bytes. */
export function deadLetterOf(record: LogRecord, reason: string, detail: string): DeadLetter {
  const { value } = record;
  return {
    reason,
    detail,
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    logTime: record.logTime,
    key: record.key,
    value: value === null ? null : value.subarray(0, VALUE_BYTES),
    valueTruncated: (value?.length ?? 0) > VALUE_BYTES,
    valueBytes: value?.length ?? 0,
    valueSha256: value === null ? null : hash('sha256', value, 'hex'),
    headers: Object.entries(record.headers).map(([name, header]) => ({ name, value: header })),
  };
}

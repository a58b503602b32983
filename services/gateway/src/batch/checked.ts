/** What both formats of a batch come to. */
import { type Decoded, EVENT_NAMES, eventKey, type Fault } from '@idemtrace/schemas';
import type { NewRecord } from '@idemtrace/stream';
import { HEADER_NAME, MOST_HEADER_BYTES, MOST_HEADERS } from '../limits.ts';
import type { Mistake, Problem } from '../problems.ts';

/** An event that is valid, as a record for the log. */
export interface CheckedEvent {
  readonly tenantId: string;
  readonly record: NewRecord;
}

export type Checked =
  | { readonly ok: true; readonly events: readonly CheckedEvent[] }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/** A body taken apart into events that nobody has looked at yet: their number is known before the work of checking is done. */
export type Split =
  | { readonly ok: true; readonly count: number; readonly check: () => Promise<Checked> }
  | { readonly ok: false; readonly problem: Problem };

export type Headers = Readonly<Record<string, Buffer>>;

/** What is wrong with a record's headers, told without their names and values; undefined where nothing is. */
export function headerMistake(headers: readonly (readonly [name: string, value: Buffer])[]): string | undefined {
  if (headers.length > MOST_HEADERS) return `over ${MOST_HEADERS} headers`;
  if (headers.some(([name]) => !HEADER_NAME.test(name))) return 'a name that is not of a-z, 0-9 and -, from a letter, at most 64';
  if (new Set(headers.map(([name]) => name)).size < headers.length) return 'one name twice';
  const bytes = headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return bytes > MOST_HEADER_BYTES ? `over ${MOST_HEADER_BYTES} bytes` : undefined;
}

type Refused = Extract<Decoded, { ok: false }>;

/** One mistake a field, where the value was looked at; one for the event otherwise. */
export function mistakesOf(index: number, { reason, detail, faults }: Refused): readonly Mistake[] {
  return faults === undefined
    ? [{ index, path: `events[${index}]`, reason, message: detail }]
    : faults.map((fault) => mistakeOf(index, fault));
}

function mistakeOf(index: number, { field, reason, bound }: Pick<Fault, 'field' | 'bound'> & { readonly reason: string }): Mistake {
  const separator = field === '' || field.startsWith('[') ? '' : '.';
  return { index, path: `events[${index}].value${separator}${field}`, reason, message: bound };
}

export function isEvent({ name }: { readonly name: string }): boolean {
  return EVENT_NAMES.some((event) => event === name);
}

export function checkedEvent(
  { tenantId, workflowId }: { readonly tenantId: string; readonly workflowId: string },
  value: Buffer,
  headers: Headers,
): CheckedEvent {
  return { tenantId, record: { key: eventKey(tenantId, workflowId), value, headers } };
}

/** A batch as JSON: `{ "events": [{ "name", "value", "headers"? }] }`. */
import { type Codec, EncodeError, parseEvent } from '@idemtrace/schemas';
import { MOST_EVENTS } from '../limits.ts';
import type { Mistake, Problem } from '../problems.ts';
import { type Checked, type CheckedEvent, checkedEvent, type Headers, headerMistake, mistakesOf, type Split } from './checked.ts';

type Encode = Pick<Codec, 'encode'>;

const UTF8 = new TextDecoder('utf-8', { fatal: true });
const FORM = 'The body is JSON in UTF-8: { "events": [{ "name", "value", "headers"? }] }.';

export function splitJson(bytes: Buffer, codec: Encode): Split {
  const body = parse(bytes);
  if (!isObject(body) || !Array.isArray(body.events)) return refused({ code: 'invalid', detail: FORM });
  if (Object.keys(body).length > 1) return refused({ code: 'invalid', detail: `There are unknown fields beside events. ${FORM}` });
  const posted: readonly unknown[] = body.events;
  if (posted.length > MOST_EVENTS) return refused({ code: 'too_many', detail: `A batch has at most ${MOST_EVENTS} events.` });
  return { ok: true, count: posted.length, check: async () => check(posted, codec) };
}

function refused(problem: Problem): Split {
  return { ok: false, problem };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(UTF8.decode(bytes));
  } catch {
    return undefined;
  }
}

function check(posted: readonly unknown[], codec: Encode): Checked {
  const events: CheckedEvent[] = [];
  const mistakes: Mistake[] = [];
  for (const [index, item] of posted.entries()) {
    const event = checkOne(index, item, codec, mistakes);
    if (event !== undefined) events.push(event);
  }
  return mistakes.length > 0 ? { ok: false, mistakes } : { ok: true, events };
}

const MEMBERS: ReadonlySet<string> = new Set(['name', 'value', 'headers']);

/** Adds what is wrong; answers the event where nothing is. */
function checkOne(index: number, item: unknown, codec: Encode, mistakes: Mistake[]): CheckedEvent | undefined {
  const before = mistakes.length;
  const path = `events[${index}]`;
  const wrong = (at: string, message: string) => void mistakes.push({ index, path: `${path}${at}`, reason: 'wrong_shape', message });
  if (!isObject(item)) {
    wrong('', 'not an object');
    return undefined;
  }
  const unknown = Object.keys(item).filter((name) => !MEMBERS.has(name)).length;
  if (unknown > 0) wrong('', `${unknown} unknown fields beside name, value and headers`);
  const headers = headersOf(item.headers);
  if (typeof headers === 'string') wrong('.headers', headers);
  const decoded = parseEvent(item.name, item.value);
  if (!decoded.ok) mistakes.push(...mistakesOf(index, decoded));
  if (!decoded.ok || typeof headers === 'string' || mistakes.length > before) return undefined;
  const { name, value } = decoded.record;
  try {
    // parseEvent answers events alone; to the compiler name and value are no pair.
    return checkedEvent(value as { tenantId: string; workflowId: string }, codec.encode(name as 'RunEvent', value as never), headers);
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error;
    mistakes.push({ index, path: `${path}.value`, reason: error.reason, message: error.message });
    return undefined;
  }
}

/** As record headers; or what is wrong with them. */
function headersOf(headers: unknown): Headers | string {
  if (headers === undefined) return {};
  if (!isObject(headers)) return 'not an object of texts';
  const entries: (readonly [string, Buffer])[] = [];
  for (const [name, text] of Object.entries(headers)) {
    if (typeof text !== 'string' || !text.isWellFormed()) return 'not an object of texts';
    entries.push([name, Buffer.from(text)]);
  }
  return headerMistake(entries) ?? Object.fromEntries(entries);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import type { Fault } from './faults.ts';
import { prefixFaults } from './faults.ts';
import { fieldwise } from './unroll.ts';
import type { ValueReason } from './validity.ts';

type ValueFault = Fault<ValueReason>;

/** One bound of a value. `run` adds what is wrong, with paths relative to the value, so that a value without faults costs no text. */
export interface Check<in T> {
  /** The reasons that it may give. */
  readonly reasons: readonly ValueReason[];
  readonly run: (value: T, faults: ValueFault[]) => void;
  /** Null is within the bounds. */
  readonly takesNull?: boolean;
}

function check<T>(reason: ValueReason, bound: string, holds: (value: T) => boolean): Check<T> {
  return {
    reasons: [reason],
    run(value, faults) {
      if (!holds(value)) faults.push({ reason, field: '', bound });
    },
  };
}

/** Nothing is asked of the value. */
export const anything: Check<unknown> = { reasons: [], run() {} };

/**
 * Longest id, in characters. Ids are keys of windows, ledgers and records: an id costs up to nine bytes a character percent-encoded, and one
 * without bound would let a single workflow take the memory of all. No id generator in use comes near it.
 */
export const MAX_ID_CHARS = 512;

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}

/** A name or id: 1 to 512 characters, none a control character (it would forge lines and cut keys). */
export const id: Check<string> = {
  reasons: ['empty_id', 'id_too_long', 'control_character'],
  run(value, faults) {
    if (value.length === 0) faults.push({ reason: 'empty_id', field: '', bound: 'empty' });
    else if (value.length > MAX_ID_CHARS) faults.push({ reason: 'id_too_long', field: '', bound: `over ${MAX_ID_CHARS} characters` });
    else if (hasControl(value)) faults.push({ reason: 'control_character', field: '', bound: 'a control character' });
  },
};

/** Text for people or machines, bounded. */
export function text(maxChars: number): Check<string> {
  return check('too_long', `over ${maxChars} characters`, (value) => value.length <= maxChars);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** A UUID of any version, in lower case: ids are compared as text. */
export const uuid = check<string>('bad_uuid', 'no UUID in lower case', (value) => value.length === 36 && UUID.test(value));

const TRACE_ID = /^[0-9a-f]{32}$/;
export const traceId = check<string>('bad_trace_id', 'not 32 hex digits in lower case', (value) => TRACE_ID.test(value));

/** By character code: 1 where it is of the alphabet of base64url. */
const BASE64URL = new Uint8Array(128);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') BASE64URL[char.charCodeAt(0)] = 1;

function isBase64url(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (BASE64URL[value.charCodeAt(i)] !== 1) return false;
  return true;
}

/** Base64url without padding, of a length. */
export function digest(chars: number): Check<string> {
  return check('bad_digest', `not ${chars} characters of base64url`, (value) => value.length === chars && isBase64url(value));
}

const SHA256_HEX = /^[0-9a-f]{64}$/;
export const sha256Hex = check<string>('bad_digest', 'not 64 hex digits in lower case', (value) => SHA256_HEX.test(value));

/** A count or index from `min`. */
export function from(min: number): Check<number> {
  return check('below_minimum', `below ${min}`, (value) => value >= min);
}

/** A finite number from 0. */
export const duration: Check<number> = {
  reasons: ['not_finite', 'below_minimum'],
  run(value, faults) {
    if (!Number.isFinite(value)) faults.push({ reason: 'not_finite', field: '', bound: 'no finite number' });
    else if (value < 0) faults.push({ reason: 'below_minimum', field: '', bound: 'below 0' });
  },
};
export const finite = check<number>('not_finite', 'no finite number', Number.isFinite);

const FIRST_TIME = Date.UTC(2000, 0);
const END_TIME = Date.UTC(2100, 0);
/**
 * The agent's clock: from 2000 to before 2100, in ms. Not compared with log time: no judgement depends on it, so a clock that is a week
 * wrong, or a recording of last year, must not keep an execution from being counted. Refused is what cannot be such a clock: seconds,
 * microseconds, zero.
 */
export const clock = check<number>(
  'time_out_of_bounds',
  'not from 2000 to before 2100, in ms',
  (value) => value >= FIRST_TIME && value < END_TIME,
);

/** An enum that must say something: `unspecified` is what an older reader sees of a newer symbol. */
export const specified = check<string>('unspecified_phase', 'unspecified', (value) => value !== 'unspecified');

/** Null, or within the bounds. */
export function optional<T>(inner: Check<T>): Check<T | null> {
  return {
    reasons: inner.reasons,
    takesNull: true,
    run(value, faults) {
      if (value !== null) inner.run(value, faults);
    },
  };
}

/** At most `maxItems`, each within the bounds. */
export function list<T>(maxItems: number, item: Check<T>): Check<readonly T[]> {
  return {
    reasons: ['too_many_items', ...item.reasons],
    run(values, faults) {
      if (values.length > maxItems) faults.push({ reason: 'too_many_items', field: '', bound: `over ${maxItems} items` });
      else
        for (let i = 0; i < values.length; i++) {
          const before = faults.length;
          item.run(values[i] as T, faults);
          if (faults.length > before) prefixFaults(faults, before, `[${i}]`);
        }
    },
  };
}

/** Both hold. */
export function both<T>(first: Check<T>, second: Check<T>): Check<T> {
  return {
    reasons: [...first.reasons, ...second.reasons],
    run(value, faults) {
      first.run(value, faults);
      second.run(value, faults);
    },
  };
}

/** Something between fields: `faulty` names the field that is wrong, if one is. */
export function across<T>(reason: ValueReason, bound: string, faulty: (value: T) => string | undefined): Check<T> {
  return {
    reasons: [reason],
    run(value, faults) {
      const field = faulty(value);
      if (field !== undefined) faults.push({ reason, field, bound });
    },
  };
}

/** A record: every field has its check (or says `anything`), then what holds between fields. */
export function record<T extends object>(fields: { readonly [F in keyof T]-?: Check<T[F]> }, ...between: readonly Check<T>[]): Check<T> {
  const entries = (Object.entries(fields) as [keyof T & string, Check<unknown>][]).filter(([, inner]) => inner !== anything);
  const visit = fieldwise<ValueFault>(
    entries.map(([name, { run, takesNull = false }]) => ({ name, visit: run, skipsNull: takesNull })),
    prefixFaults,
  );
  return {
    reasons: [...new Set([...entries.map(([, inner]) => inner), ...between].flatMap((inner) => inner.reasons))],
    run(value, faults) {
      visit(value, faults);
      for (const inner of between) inner.run(value, faults);
    },
  };
}

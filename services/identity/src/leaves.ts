import type { ArgumentDigest } from '@idemtrace/schemas';
import { kindOf } from './kind.ts';
import type { PlainJson } from './plain.ts';
import { type SipKey, sipHash } from './siphash.ts';

/** Most digests of one value; what has no room is counted. */
export const MAX_LEAVES = 32;

/** Member names that may leave the agent in clear: a name with a digit in it may be a value (an order number as a key). */
const CLEAR_NAME = /^[A-Za-z_]{1,64}$/;
/** Path of a value that is a leaf itself. */
const ROOT = '$';
const LONGEST_PATH = 256;

export interface LeafDigests {
  readonly digests: readonly ArgumentDigest[];
  /** How many leaves had no room. */
  readonly omitted: number;
}

interface Visit {
  readonly path: string;
  /** Name of the member that the value is or is listed in. */
  readonly name: string;
  readonly value: PlainJson;
}

/** The form in which texts are compared: Unicode NFC, without white space around. */
export function normalizeText(text: string): string {
  return text.normalize('NFC').trim();
}

/** Text that a scalar is digested as: a string's normalised form, else its canonical JSON. `5` and `"5"` are the same. */
export function scalarText(value: null | boolean | number | string): string {
  return typeof value === 'string' ? normalizeText(value) : JSON.stringify(value);
}

/**
 * Digests of a value's leaves, those near the root first, members in the order of their names' UTF-16 code units (as in RFC 8785), entries of
 * lists in their order and all under the path `list[]`. An empty list or object is a leaf (`[]`, `{}`).
 */
export function leafDigests(value: PlainJson | undefined, key: SipKey): LeafDigests {
  const digests: ArgumentDigest[] = [];
  let omitted = 0;
  let level: Visit[] = value === undefined ? [] : [{ path: '', name: '', value }];
  while (level.length > 0) {
    const next: Visit[] = [];
    for (const visit of level) {
      if (visit.value !== null && typeof visit.value === 'object' && descend(visit, visit.value, key, next)) continue;
      if (digests.length < MAX_LEAVES) digests.push(digestOf(visit, key));
      else omitted++;
    }
    level = next;
  }
  return { digests, omitted };
}

/** Adds what a container holds; false where it is empty. */
function descend(visit: Visit, container: PlainJson[] | { [name: string]: PlainJson }, key: SipKey, next: Visit[]): boolean {
  if (Array.isArray(container)) {
    const path = `${visit.path}[]`;
    for (const entry of container) next.push({ path, name: visit.name, value: entry });
    return container.length > 0;
  }
  const names = Object.keys(container).sort();
  for (const name of names) {
    const shown = CLEAR_NAME.test(name) ? name : `~${sipHash(key, name)}`;
    next.push({ path: visit.path === '' ? shown : `${visit.path}.${shown}`, name, value: container[name] as PlainJson });
  }
  return names.length > 0;
}

function digestOf(visit: Visit, key: SipKey): ArgumentDigest {
  const { value, name } = visit;
  const text = value !== null && typeof value === 'object' ? (Array.isArray(value) ? '[]' : '{}') : scalarText(value);
  const path = visit.path === '' ? ROOT : visit.path.length > LONGEST_PATH ? `~${sipHash(key, visit.path)}` : visit.path;
  return { path, digest: sipHash(key, text), kind: kindOf(name, value, text) };
}

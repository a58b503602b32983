import { MAX_CANONICAL_BYTES, type PlainJson, toPlainJson, type UnhashableCode } from './plain.ts';

export type Canonical = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly code: UnhashableCode };

/**
 * The RFC 8785 text of plain JSON. `undefined` (no argument, no answer) has the empty text, which no JSON value has.
 * `too_large` beyond 1 MiB in UTF-8.
 */
export function canonicalText(value: PlainJson | undefined): Canonical {
  if (value === undefined) return { ok: true, text: '' };
  const text = serialize(value);
  // A UTF-16 code unit takes at most three bytes: most texts need no counting.
  if (text.length * 3 > MAX_CANONICAL_BYTES && Buffer.byteLength(text) > MAX_CANONICAL_BYTES) return { ok: false, code: 'too_large' };
  return { ok: true, text };
}

/** The RFC 8785 text of any value, or why it has none. Never throws. */
export function canonicalForm(value: unknown): Canonical {
  const plain = toPlainJson(value);
  return plain.ok ? canonicalText(plain.value) : plain;
}

/**
 * RFC 8785 takes numbers and strings from ECMAScript's own JSON; what is left is the order of members, by UTF-16 code units. The package
 * `canonicalize` does the same and, once more, all that a checked copy no longer needs (cycles, toJSON, surrogates): it is the tests' oracle,
 * so that the SDK stays within its size.
 */
function serialize(value: PlainJson): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  let text = '';
  if (Array.isArray(value)) {
    for (const entry of value) text += (text === '' ? '' : ',') + serialize(entry);
    return `[${text}]`;
  }
  for (const name of Object.keys(value).sort()) {
    text += `${(text === '' ? '' : ',') + JSON.stringify(name)}:${serialize(value[name] as PlainJson)}`;
  }
  return `{${text}}`;
}

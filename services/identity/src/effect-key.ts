import type { DeclaredEffectScope, EffectKeySource } from '@idemtrace/schemas';
import { canonicalText } from './canonical.ts';
import { isCallIdName, isIdName, isIdValue } from './kind.ts';
import { normalizeText, scalarText } from './leaves.ts';
import { parsePath, valuesAt } from './paths.ts';
import type { PlainJson } from './plain.ts';

/** An effect key before it is digested. */
export interface EffectKeyParts {
  readonly scope: DeclaredEffectScope;
  readonly source: Exclude<EffectKeySource, 'unspecified'>;
  readonly parts: readonly string[];
}

/** Most entries of a list of ids that are taken for a key. */
const MOST_LISTED_IDS = 16;

/** An effect key that code declares; undefined where the id is empty. A number counts as its text. */
export function declaredKey(id: string, scope: DeclaredEffectScope = 'workflow'): EffectKeyParts | undefined {
  const text = normalizeText(String(id));
  return text === '' ? undefined : { scope, source: 'declared', parts: [text] };
}

/**
 * An effect key that a policy declares by paths of the input: the values in the order of the paths, a missing one as an empty part, several of
 * one path (`items[].id`) as canonical JSON. Undefined where no path leads to a value. One path to a string gives the same key as code that
 * returns that string.
 */
export function keyAtPaths(
  input: PlainJson | undefined,
  paths: readonly string[],
  scope: DeclaredEffectScope = 'workflow',
): EffectKeyParts | undefined {
  const parts = paths.map((text) => {
    const path = parsePath(text);
    const values = valuesAt(input, path);
    const only = values[0];
    return only === undefined ? '' : keyText(text.includes('[]') ? values : only);
  });
  return parts.every((part) => part === '') ? undefined : { scope, source: 'declared', parts };
}

/**
 * An effect key inferred from the input: name and value of every top-level member that is named like an id and holds one (or a short list
 * of them), by name. Undefined where there is none. For detection only: nothing may be refused on it.
 */
export function inferredKey(input: PlainJson | undefined): EffectKeyParts | undefined {
  if (!input || typeof input !== 'object' || Array.isArray(input)) return undefined;
  const parts: string[] = [];
  for (const name of Object.keys(input).sort()) {
    const value = input[name];
    if (value === undefined || !isIdName(name) || isCallIdName(name)) continue;
    const ids = Array.isArray(value) ? value : [value];
    if (ids.length === 0 || ids.length > MOST_LISTED_IDS || !ids.every(isIdValue)) continue;
    parts.push(name, keyText(value));
  }
  return parts.length === 0 ? undefined : { scope: 'workflow', source: 'inferred', parts };
}

function keyText(value: PlainJson): string {
  if (value === null) return '';
  if (typeof value !== 'object') return scalarText(value);
  const canonical = canonicalText(value);
  return canonical.ok ? canonical.text : '';
}

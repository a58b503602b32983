import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import type { Mistake } from './mistake.ts';

/** Largest document that is read, in UTF-16 units. */
const MAX_LENGTH = 1_048_576;
/** Most tokens: far beyond what a person writes, and what a parser handles in about a second. */
const MAX_TOKENS = 200_000;
const MAX_DEPTH = 24;

/** A YAML document as plain values, and where each of them stands. */
export interface LocatedDocument {
  /** Mappings are objects without prototype; those named in `ordered` are lists of [key, value]. */
  readonly value: unknown;
  /** Where a value, or with `key` its key, stands: the nearest that exists. Path segments as zod gives them. */
  place(path: readonly PropertyKey[], what?: 'key' | 'value'): { readonly line: number; readonly column: number };
  /** A path as a person reads it. */
  name(path: readonly PropertyKey[]): string;
}

export interface DocumentOptions {
  /** Top-level mappings whose order means something: read as lists of [key, value] (an object would put keys like `404` first). */
  readonly ordered?: readonly string[];
  /** Top-level scalars that are text however they look: `version: 1.10` is not the number 1.1. */
  readonly verbatim?: readonly string[];
}

/**
 * Reads one YAML 1.2 document. Never throws, and its work is bounded: 1 MiB, 200,000 tokens, 24 levels. Anchors, aliases, tags and keys that
 * are no plain text are mistakes: a policy or a configuration says everything where it is read.
 * The document is missing where it could not be read at all.
 */
export function readDocument(text: string, options: DocumentOptions = {}): { document?: LocatedDocument; mistakes: Mistake[] } {
  const oversize = checkSize(text);
  if (oversize !== undefined) return { mistakes: [oversize] };
  const lines = new LineCounter();
  const parsed = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    keepSourceTokens: false,
    version: '1.2',
  });
  const placeAt = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (parsed.errors.length > 0) {
    return {
      mistakes: parsed.errors.map((error) => ({ ...placeAt(error.pos[0]), path: '', ...syntaxMessage(error.code, error.message) })),
    };
  }
  const mistakes: Mistake[] = [];
  const root = parsed.contents;
  const report = (offset: number, path: readonly PropertyKey[], message: string, hint?: string) =>
    mistakes.push({ ...placeAt(offset), path: nameOf(root, path, options), message, ...(hint !== undefined && { hint }) });
  visit(parsed, {
    Node(_, node) {
      const offset = node.range?.[0] ?? 0;
      if (isAlias(node)) report(offset, [], `an alias (*${node.source}) is not read here`, 'repeat the value in its place');
      else if (node.anchor !== undefined) report(offset, [], `an anchor (&${node.anchor}) is not read here`, 'remove it');
      if (!isAlias(node) && node.tag !== undefined) report(offset, [], `a tag (${node.tag}) is not read here`, 'remove it');
    },
  });
  const value = toValue(root, [], options, report, 0);
  return {
    document: {
      value,
      place: (path, what = 'value') => placeAt(offsetOf(root, path, what)),
      name: (path) => nameOf(root, path, options),
    },
    mistakes,
  };
}

function checkSize(text: string): Mistake | undefined {
  const whole = { line: 1, column: 1, path: '' };
  if (text.length > MAX_LENGTH) return { ...whole, message: `the document is too large: ${text.length} characters, at most ${MAX_LENGTH}` };
  let tokens = 0;
  for (const _ of new Lexer().lex(text)) {
    tokens++;
    if (tokens > MAX_TOKENS) return { ...whole, message: `the document is too large: more than ${MAX_TOKENS} tokens` };
  }
  return undefined;
}

function syntaxMessage(code: string, message: string): { message: string; hint?: string } {
  const plain = message.replace(/\s+/g, ' ').trim();
  if (code === 'TAB_AS_INDENT') return { message: 'a tab cannot indent in YAML', hint: 'use spaces' };
  if (code === 'MULTIPLE_DOCS')
    return { message: 'a second document starts here', hint: 'put everything into one document, without `---` between' };
  if (code === 'RESOURCE_EXHAUSTION') return { message: 'the document is nested too deeply' };
  return { message: `this is no YAML: ${plain.charAt(0).toLowerCase()}${plain.slice(1)}` };
}

type Report = (offset: number, path: readonly PropertyKey[], message: string, hint?: string) => void;

function toValue(
  node: Node | null | undefined,
  path: readonly PropertyKey[],
  options: DocumentOptions,
  report: Report,
  depth: number,
): unknown {
  if (node === null || node === undefined || isAlias(node)) return null;
  if (depth > MAX_DEPTH) {
    report(node.range?.[0] ?? 0, path, `nested too deeply: at most ${MAX_DEPTH} levels`);
    return null;
  }
  if (isScalar(node)) return path.length === 1 && options.verbatim?.includes(String(path[0])) ? verbatim(node) : node.value;
  if (isSeq(node)) return node.items.map((item, index) => toValue(item as Node, [...path, index], options, report, depth + 1));
  if (!isMap(node)) return null;
  const ordered = isOrdered(path, options);
  const entries: [string, unknown][] = [];
  const seen = new Map<string, number>();
  for (const pair of node.items) {
    const key = keyOf(pair);
    const offset = keyOffset(pair, node);
    if (key === undefined) {
      report(offset, path, 'a key must be plain text');
      continue;
    }
    const first = seen.get(key);
    if (first !== undefined) {
      report(offset, [...path, ordered ? first : key], `\`${key}\` is here twice`, 'keep one of the two');
      continue;
    }
    seen.set(key, entries.length);
    entries.push([
      key,
      toValue(pair.value as Node | null, ordered ? [...path, entries.length, 1] : [...path, key], options, report, depth + 1),
    ]);
  }
  if (ordered) return entries;
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, value] of entries) object[key] = value;
  return object;
}

function verbatim(node: Scalar): unknown {
  return typeof node.value === 'number' || typeof node.value === 'boolean' ? (node.source ?? String(node.value)) : node.value;
}

function isOrdered(path: readonly PropertyKey[], options: DocumentOptions): boolean {
  return path.length === 1 && (options.ordered?.includes(String(path[0])) ?? false);
}

/** A key as text: numbers and words like `null` or `true` name tools too, as they are written. */
function keyOf(pair: Pair): string | undefined {
  const { key } = pair;
  if (!isScalar(key)) return undefined;
  if (typeof key.value === 'string') return key.value;
  return key.source === undefined || key.source === '' ? undefined : key.source;
}

function keyOffset(pair: Pair, parent: YAMLMap): number {
  const range = (pair.key as Node | null)?.range ?? (pair.value as Node | null)?.range ?? parent.range;
  return range?.[0] ?? 0;
}

interface Pairs {
  readonly byKey: ReadonlyMap<string, Pair>;
  readonly keys: readonly string[];
}

const pairsOfMaps = new WeakMap<YAMLMap, Pairs>();

/** The pairs of a mapping as `toValue` numbers them: without keys that are none and repeated ones. */
function pairsOf(map: YAMLMap): Pairs {
  const known = pairsOfMaps.get(map);
  if (known !== undefined) return known;
  const byKey = new Map<string, Pair>();
  for (const pair of map.items) {
    const key = keyOf(pair);
    if (key !== undefined && !byKey.has(key)) byKey.set(key, pair);
  }
  const pairs = { byKey, keys: [...byKey.keys()] };
  pairsOfMaps.set(map, pairs);
  return pairs;
}

function offsetOf(root: Node | null, path: readonly PropertyKey[], what: 'key' | 'value'): number {
  let node: Node | null = root;
  let offset = root?.range?.[0] ?? 0;
  for (let index = 0; index < path.length; index++) {
    const segment = path[index];
    if (isMap(node)) {
      const numbered: boolean = typeof segment === 'number';
      const key: string = numbered ? (pairsOf(node).keys[Number(segment)] ?? '') : String(segment);
      const pair: Pair | undefined = pairsOf(node).byKey.get(key);
      if (pair === undefined) return offset;
      const part = numbered ? path[index + 1] : 1;
      if (numbered) index++;
      const last = index >= path.length - 1;
      if (part === 0 || (last && what === 'key')) return keyOffset(pair, node);
      const value = pair.value as Node | null;
      offset = value?.range?.[0] ?? keyOffset(pair, node);
      node = value;
    } else if (isSeq(node) && typeof segment === 'number') {
      const item = node.items[segment] as Node | undefined;
      if (item === undefined) return offset;
      offset = item.range?.[0] ?? offset;
      node = item;
    }
  }
  return offset;
}

function nameOf(root: Node | null, path: readonly PropertyKey[], options: DocumentOptions): string {
  let name = '';
  for (let index = 0; index < path.length; index++) {
    const segment = path[index];
    if (typeof segment !== 'number') name += `${name === '' ? '' : '.'}${quoted(String(segment))}`;
    else if (isOrdered(path.slice(0, index), options)) {
      const map = isMap(root) ? pairsOf(root).byKey.get(String(path[index - 1]))?.value : undefined;
      const key = isMap(map) ? pairsOf(map).keys[segment] : undefined;
      name += `.${quoted(key ?? String(segment), true)}`;
      index++;
    } else name += `[${segment}]`;
  }
  return name;
}

function quoted(key: string, always = false): string {
  return !always && /^[A-Za-z_][\w-]*$/.test(key) ? key : JSON.stringify(key);
}

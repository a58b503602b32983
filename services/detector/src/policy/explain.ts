import { z } from 'zod';
import { nearestWord } from './nearest.ts';

/** One thing that a schema says against a value. */
export interface Explanation {
  readonly path: readonly PropertyKey[];
  /** Whether the key itself is wrong, not what stands behind it. */
  readonly about: 'key' | 'value';
  readonly message: string;
  readonly hint?: string;
}

type Issue = z.core.$ZodIssue;

/**
 * What a failed parse has to say, one entry a mistake, in words. Misspelt keys and choices get the word that was meant.
 * `reveal` decides whether a value may be shown: never one of a secret. The parse must have been made with `reportInput: true`.
 */
export function explainIssues(
  schema: z.ZodType,
  issues: readonly Issue[],
  reveal: (path: readonly PropertyKey[]) => boolean,
): Explanation[] {
  return issues.flatMap((issue) => explainIssue(schema, issue, reveal(issue.path)));
}

function explainIssue(schema: z.ZodType, issue: Issue, shown: boolean): Explanation[] {
  const { path } = issue;
  const value = (message: string, hint?: string): Explanation[] => [{ path, about: 'value', message, ...(hint !== undefined && { hint }) }];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(schema, path);
      return issue.keys.map((key) => {
        const meant = nearestWord(key, known);
        const hint = meant === undefined ? `known here: ${known.join(', ')}` : `did you mean \`${meant}\`?`;
        return { path: [...path, key], about: 'key', message: `unknown key \`${key}\``, hint };
      });
    }
    case 'invalid_type': {
      const name = String(path.at(-1) ?? 'the document');
      if (issue.input === undefined && path.length > 0) return value(`\`${name}\` is missing`);
      return value(`expects ${EXPECTED[issue.expected] ?? issue.expected}, not ${kindOf(issue.input, shown)}`, hintFor(issue));
    }
    case 'invalid_value': {
      const choices = issue.values.map(String);
      const meant = typeof issue.input === 'string' ? nearestWord(issue.input, choices) : undefined;
      return value(
        `${kindOf(issue.input, shown)} is none of ${choices.join(', ')}`,
        meant === undefined ? undefined : `did you mean \`${meant}\`?`,
      );
    }
    case 'too_small':
      return value(bound(issue.origin, 'at least', issue.minimum));
    case 'too_big':
      return value(bound(issue.origin, 'at most', issue.maximum));
    case 'custom': {
      const hint: unknown = issue.params?.hint;
      return value(issue.message, typeof hint === 'string' ? hint : undefined);
    }
    default:
      return value(issue.message);
  }
}

const EXPECTED: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  tuple: 'a pair',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function hintFor(issue: { readonly expected: string; readonly input?: unknown }): string | undefined {
  if (issue.expected === 'array' && typeof issue.input === 'string') return 'write it as a list: [ … ]';
  if (issue.expected === 'string' && typeof issue.input === 'number') return 'put it in quotes';
  return undefined;
}

function kindOf(value: unknown, shown: boolean): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (!shown) return typeof value === 'string' ? 'this text' : `this ${typeof value}`;
  const text = String(value);
  return `\`${text.length > 60 ? `${text.slice(0, 60)}…` : text}\``;
}

function bound(origin: string, word: string, limit: unknown): string {
  if (origin === 'string') return `must have ${word} ${limit} characters`;
  if (origin === 'array') return `must have ${word} ${limit} entries`;
  return `must be ${word} ${limit}`;
}

/** The keys that a schema knows at a path. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const segment of path) {
    const inner = unwrap(at);
    if (inner instanceof z.ZodObject) at = inner.shape[String(segment)];
    else if (inner instanceof z.ZodArray) at = inner.element;
    else if (inner instanceof z.ZodTuple) at = inner.def.items[Number(segment)];
    else return [];
  }
  const found = unwrap(at);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

function unwrap(schema: unknown): unknown {
  let at = schema;
  for (;;) {
    if (at instanceof z.ZodOptional || at instanceof z.ZodPrefault || at instanceof z.ZodDefault || at instanceof z.ZodNullable)
      at = at.unwrap();
    else if (at instanceof z.ZodPipe) at = at.in instanceof z.ZodTransform ? at.out : at.in;
    else return at;
  }
}

import type { CompiledPolicy } from '@idemtrace/schemas';
import { explainIssues } from './explain.ts';
import { LISTED } from './mistake.ts';
import { compact } from './read.ts';
import { compiledPolicy } from './schema.ts';

/** The policy as `idemtrace policy compile` writes it: JSON with sorted members, so that equal policies give equal bytes. */
export function compilePolicy(policy: CompiledPolicy): string {
  return `${JSON.stringify(policy, (_, value: unknown) => sorted(value), 2)}\n`;
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export type ReadCompiledPolicy =
  | { readonly ok: true; readonly policy: CompiledPolicy }
  | { readonly ok: false; readonly mistakes: readonly { readonly path: string; readonly message: string; readonly hint?: string }[] };

/** Reads a compiled policy. Never throws. */
export function readCompiledPolicy(json: string): ReadCompiledPolicy {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { ok: false, mistakes: [{ path: '', message: 'this is no JSON', hint: 'make it with `idemtrace policy compile`' }] };
  }
  const parsed = compiledPolicy.safeParse(value, { reportInput: true });
  if (parsed.success) return { ok: true, policy: withoutUndefined(parsed.data) as CompiledPolicy };
  const mistakes = explainIssues(compiledPolicy, parsed.error.issues, () => true).map(({ path, message, hint }) => ({
    path: path.join('.'),
    message,
    ...(hint !== undefined && { hint }),
  }));
  const more = mistakes.length - LISTED;
  return { ok: false, mistakes: more > 0 ? [...mistakes.slice(0, LISTED), { path: '', message: `and ${more} more` }] : mistakes };
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null) return value;
  return compact(Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutUndefined(member)])));
}

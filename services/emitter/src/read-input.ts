import {
  canonicalText,
  declaredKey,
  type EffectKeyParts,
  inferredKey,
  keyAtPaths,
  type PlainJson,
  parsePath,
  removeAt,
  toPlainJson,
} from '@idemtrace/identity';
import type { ToolCallEvent } from '@idemtrace/schemas';
import type { ToolPolicy } from '@idemtrace/schemas/policy';
import type { CallDescription } from './descriptions.ts';
import { disclose } from './disclosure.ts';

export interface ReadInput {
  /** The effect key at the policy's paths. */
  readonly key: EffectKeyParts | undefined;
  /** The input without its volatile paths. */
  readonly value: PlainJson | undefined;
  readonly disclosed: ToolCallEvent['disclosed'];
  readonly hashed: { readonly ok: true; readonly text: string } | { readonly ok: false; readonly code: string };
}

/**
 * Reads the input once: what the policy's key paths and disclosure say of it, and then, without its volatile paths, what is hashed and digested.
 * An input that `hashed` stands in for is digested itself where it is plain, else its substitute is.
 */
export function readInput(call: CallDescription, entry: ToolPolicy | undefined): ReadInput {
  const own = toPlainJson(call.input);
  const hashed =
    call.hashed === undefined ? own : 'value' in call.hashed ? toPlainJson(call.hashed.value) : refused(call.hashed.unhashable);
  const value = own.ok ? own.value : hashed.ok ? hashed.value : undefined;
  const key = entry?.effectKey === undefined ? undefined : keyAtPaths(value, entry.effectKey.paths, entry.effectKey.scope);
  const disclosed = disclose('input', value, entry?.disclose?.input);
  for (const path of entry?.volatile ?? []) {
    removeAt(value, parsePath(path));
    if (hashed.ok && hashed !== own) removeAt(hashed.value, parsePath(path));
  }
  return { key, value, disclosed, hashed: hashed.ok ? canonicalText(hashed.value) : hashed };
}

function refused(code: string): { readonly ok: false; readonly code: string } {
  return { ok: false, code };
}

/** The policy's key wins over the code's; an inferred one stands in for none, and for detection only. */
export function effectKeyOf(call: CallDescription, entry: ToolPolicy | undefined, input: ReadInput): EffectKeyParts | undefined {
  if (entry?.effectKey !== undefined && input.key !== undefined) return input.key;
  const { effectKey } = call;
  const declared: { readonly id?: string | undefined; readonly scope?: 'workflow' | 'tenant' } | undefined =
    typeof effectKey === 'object' ? effectKey : { id: effectKey };
  return (declared?.id ? declaredKey(declared.id, declared.scope) : undefined) ?? inferredKey(input.value);
}

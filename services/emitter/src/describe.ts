import type { DeclaredEffectClass } from '@idemtrace/schemas/policy';
import { type CallInfo, frameworkCallInfo } from './call-info.ts';
import type { CallDescription, EffectKey } from './descriptions.ts';
import type { ToolAnnotations } from './effect-class.ts';
import type { Emitter } from './emitter.ts';
import { requireWhole } from './errors.ts';

/** What code can declare of a tool's calls before they run. */
export interface CallOptions<I> {
  readonly effect?: DeclaredEffectClass | undefined;
  /** Hints of the Model Context Protocol, where nothing better is known. */
  readonly annotations?: ToolAnnotations | undefined;
  readonly effectKey?: ((input: I) => EffectKey | undefined) | undefined;
  /** The agent's word that a second effect is meant. */
  readonly occurrence?: ((input: I) => string | undefined) | undefined;
  /** What to hash in the input's place, e.g. where it holds bytes. Default: the first argument alone. */
  readonly hashInput?: ((input: I) => unknown) | undefined;
  /** Of all arguments. Default: what the common frameworks pass beside the input. */
  readonly callInfo?: ((...args: readonly unknown[]) => CallInfo) | undefined;
  /** Milliseconds after which an execution without outcome is in doubt. */
  readonly deadlineMs?: number | undefined;
  /** The tool is asked again and again until a state is reached. */
  readonly poll?: { readonly max: number; readonly minIntervalMs?: number | undefined } | undefined;
  /** Downstream honours `currentCall().idempotencyKey`: a repeat under the same key is protected. */
  readonly repeatable?: boolean | undefined;
}

/** True, or throws IdemtraceError `invalid_option` where a number is none that events can carry. */
export function checkOptions(name: string, { poll, deadlineMs }: Pick<CallOptions<never>, 'poll' | 'deadlineMs'>): true {
  const numbers = { 'poll.max': poll && (poll.max ?? 0), 'poll.minIntervalMs': poll?.minIntervalMs, deadlineMs };
  for (const [field, value] of Object.entries(numbers)) {
    if (value !== undefined) requireWhole('invalid_option', `${field} of ${name}`, value, 1);
  }
  return true;
}

/** Asks the declared callbacks, each guarded: one that throws costs what it would have said, not the event. */
export function describeCall<I>(
  emitter: Emitter,
  tool: string,
  args: readonly unknown[],
  options: CallOptions<I>,
  place: Pick<CallDescription, 'executionId' | 'stepIndex' | 'parentExecutionId'>,
): CallDescription {
  const input = args[0] as I;
  const { effectKey, occurrence, hashInput } = options;
  const info = emitter.guard('callInfo', () => (options.callInfo ?? frameworkCallInfo)(...args));
  const hashed =
    hashInput === undefined
      ? undefined
      : (emitter.guard('hashInput', () => ({ value: hashInput(input) })) ?? { unhashable: 'hash_input_failed' });
  return {
    ...options,
    ...info,
    ...place,
    tool,
    input,
    hashed,
    effectKey: effectKey && emitter.guard('effectKey', () => effectKey(input)),
    occurrence: occurrence && emitter.guard('occurrence', () => occurrence(input)),
  };
}

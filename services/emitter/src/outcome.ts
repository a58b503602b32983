import type { DeclaredEffectClass } from '@idemtrace/schemas/policy';
import { isNotExecuted } from './errors.ts';
import { memberOf } from './member.ts';

/** What became of an execution. `failed`: surely no effect; `unknown`: it may have had one. */
export type Outcome = 'succeeded' | 'failed' | 'unknown';

/** How a tool came to an end: with an answer, or by throwing. */
export type Settled<R = unknown> = { readonly result: R } | { readonly error: unknown };

/** Refusals that may come after the effect: a timeout, a conflict, a replay too early, too many requests. */
const AMBIGUOUS_STATUS: ReadonlySet<number> = new Set([408, 409, 425, 429]);

/**
 * The outcome of an execution.
 * - an answer: `succeeded`, unless it says `isError: true` as answers of the Model Context Protocol do: `failed`
 * - an error of a tool that only reads or delegates: `failed`
 * - an error of one that writes: `unknown`, unless it surely came before the effect: a `NotExecutedError`, an HTTP status that refuses (4xx
 *   but 408, 409, 425, 429), a framework's suspension (frameworks ask that nothing with an effect comes before it)
 *
 * Never throws: errors are strangers' objects.
 */
export function classifyOutcome(settled: Settled, effectClass: DeclaredEffectClass): Outcome {
  try {
    if ('result' in settled) return memberOf(settled.result, 'isError') === true ? 'failed' : 'succeeded';
    if (effectClass === 'read' || effectClass === 'delegate') return 'failed';
    return isNotExecuted(settled.error) || isSuspension(settled.error) || isRefusal(settled.error) ? 'failed' : 'unknown';
  } catch {
    return 'result' in settled ? 'succeeded' : 'unknown';
  }
}

export function isOutcome(value: unknown): value is Outcome {
  return value === 'succeeded' || value === 'failed' || value === 'unknown';
}

/**
 * Whether a throw is a framework's way to suspend a run until it is resumed. Known: LangGraph's interrupts and commands (`is_bubble_up`).
 * AI SDK, OpenAI Agents and Mastra suspend without throwing through the tool. Another framework's needs the option `outcome`.
 */
export function isSuspension(error: unknown): boolean {
  try {
    return memberOf(error, 'is_bubble_up') === true;
  } catch {
    return false;
  }
}

function isRefusal(error: unknown): boolean {
  const status = memberOf(error, 'status') ?? memberOf(error, 'statusCode') ?? memberOf(memberOf(error, 'response'), 'status');
  return typeof status === 'number' && status >= 400 && status < 500 && !AMBIGUOUS_STATUS.has(status);
}

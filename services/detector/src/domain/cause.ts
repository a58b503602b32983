/** Why a second execution happened: the first cause that holds, judged against one earlier execution. */
import type { PolicyLookup } from '@idemtrace/schemas';
import { sharesDigest } from './digests.ts';
import type { DeclaredCause } from './finding.ts';
import { type Execution, isEffective } from './history.ts';

export function causeOf(execution: Execution, earlier: Execution, policy: PolicyLookup): DeclaredCause {
  const here = execution.call;
  const there = earlier.call;
  const sameRun = here.runId === there.runId;
  if (isProtected(execution, earlier)) return 'protected';
  if (sameRun && here.toolCallId !== null && here.toolCallId === there.toolCallId) return 'same_call';
  if (wasInFlight(earlier, execution, policy)) return 'concurrent';
  if (sameRun) return isEffective(earlier) ? 'model_repeat' : 'in_run_retry';
  const samePlace = here.stepIndex === there.stepIndex || sharesDigest(here.precedingCalls, there.precedingCalls);
  return samePlace ? 'run_retry' : 'replan';
}

/** Both went downstream under one idempotency key: the downstream takes them for one. */
export function isProtected(execution: Execution, earlier: Execution): boolean {
  return sharesDigest(execution.call.downstreamKeys, earlier.call.downstreamKeys);
}

/** What causes and severities are judged against: the latest earlier one that succeeded or is unknown, else the latest that failed. */
export function judgedAgainst(earlier: readonly Execution[]): Execution | undefined {
  return earlier.findLast(isEffective) ?? earlier.at(-1);
}

/** Without an outcome yet when the other one began. One that is past its deadline is taken for dead, not for slow. */
function wasInFlight(earlier: Execution, execution: Execution, policy: PolicyLookup): boolean {
  if (earlier.latest.phase !== 'started') return earlier.latest.offset > execution.first.offset;
  const deadlineMs = policy.tool(earlier.call.tool)?.deadlineMs ?? earlier.call.deadlineMs ?? policy.policy.deadlineMs;
  return execution.first.logTime - earlier.first.logTime <= deadlineMs;
}

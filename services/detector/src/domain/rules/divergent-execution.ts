import type { DeclaredEffectClass } from '@idemtrace/schemas';
import { causeOf } from '../cause.ts';
import { compareDigests, compareInputs } from '../digests.ts';
import { bounded, effectOf } from '../effect.ts';
import { type CallFact, historyKey, keyed } from '../fact.ts';
import { type DeclaredSeverity, triggerOf } from '../finding.ts';
import { type Execution, isEffective } from '../history.ts';
import { compare, countIncomparable, evidenceOf, executionsBefore, fateOf, placeOf, sharesInput, type Verdict } from './comparison.ts';
import type { Rule } from './rule.ts';

/** Severity by effect class; null: not judged. */
const SEVERITY: Record<DeclaredEffectClass, DeclaredSeverity | null> = {
  read: null,
  idempotent_write: 'warning',
  write: 'critical',
  delegate: null,
};

/**
 * The same effect on the same effect key with another input, after an execution of an earlier run that succeeded or may have: the retry did
 * not repeat the effect, it did another one beside it (rule `divergent_execution`, v1).
 */
export const divergentExecution: Rule<'divergent_execution'> = {
  name: 'divergent_execution',
  version: 1,
  judge(judgement) {
    const { event } = judgement.positioned;
    if (event.name !== 'ToolCallEvent' || event.value.effectKey === null) return [];
    const { effectName, effectKey } = event.value;
    const keys = effectKey.digests.map((pair) => historyKey.effect(effectName, keyed(pair)));
    return compare(judgement, keys, verdict);
  },
};

const verdict: Verdict = (execution, seen, policy) => {
  const effect = effectOf(execution.call, policy);
  const severity = SEVERITY[effect.effectClass];
  if (severity === null) return undefined;
  const before = executionsBefore(execution, seen);
  const [counted, undecided] = [before.counted.executions, before.undecided.executions];
  // An exact repeat is the other rule's: one call is not told twice.
  if (counted.some((other) => isEffective(other) && sharesInput(other.call, execution.call))) return undefined;
  const isBeside = (other: Execution) => isOfEarlierRun(other.call, execution.call) && !sharesInput(other.call, execution.call);
  const earlier = counted.filter(isBeside);
  const different = earlier.filter((other) => compareInputs(other.call.inputs, execution.call.inputs) === 'different');
  const unlike = different.findLast(isEffective);
  const doubtful = [
    ...undecided.filter(isBeside),
    ...earlier.filter((other) => compareDigests(other.call.inputs, execution.call.inputs) === 'incomparable'),
  ].sort((a, b) => a.first.offset - b.first.offset);
  const against = unlike ?? doubtful.findLast(isEffective);
  if (against === undefined) return undefined;

  const cause = causeOf(execution, against, policy);
  const isHarmless = unlike === undefined || cause === 'protected' || !isEffective(execution);
  const incomparable = countIncomparable(execution, [...earlier, ...undecided.filter(isBeside)]);
  return {
    rule: 'divergent_execution',
    ruleVersion: divergentExecution.version,
    severity: bounded(isHarmless ? 'info' : severity, effect),
    cause,
    summary:
      unlike === undefined
        ? `${execution.call.tool} was executed again on the same effect key: whether ${placeOf(execution)} differs from ${placeOf(against)} cannot be told, their hash keys differ.`
        : `${execution.call.tool} was executed on the same effect key with another input: ${placeOf(execution)} differs from ${placeOf(against)}, ${fateOf(against)}.`,
    suggestion: null,
    trigger: triggerOf(execution.call, execution.first.offset, effect.effectClass),
    subject: execution.call.effectKeys[0] ?? '',
    evidence: evidenceOf(execution, { executions: unlike === undefined ? doubtful : different, closed: [] }, against, incomparable),
  };
};

/** Of another run that is neither its parent, nor its child, nor a sibling: those work on the workflow together. */
function isOfEarlierRun(other: CallFact, call: CallFact): boolean {
  if (other.runId === call.runId || other.runId === call.parentRunId || other.parentRunId === call.runId) return false;
  return call.parentRunId === null || call.parentRunId !== other.parentRunId;
}

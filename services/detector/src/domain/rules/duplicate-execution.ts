import type { DeclaredEffectClass } from '@idemtrace/schemas';
import { causeOf, judgedAgainst } from '../cause.ts';
import { bounded, effectOf } from '../effect.ts';
import { historyKey, keyed } from '../fact.ts';
import { type DeclaredSeverity, triggerOf } from '../finding.ts';
import { isEffective } from '../history.ts';
import { compare, countIncomparable, evidenceOf, executionsBefore, fateOf, placeOf, type Verdict } from './comparison.ts';
import type { Rule } from './rule.ts';

/** Severity of a repeat by effect class, after an effective earlier execution and after failed ones alone; null: not judged. */
const SEVERITY: Record<DeclaredEffectClass, { readonly afterEffective: DeclaredSeverity; readonly afterFailed: DeclaredSeverity } | null> =
  {
    read: { afterEffective: 'info', afterFailed: 'info' },
    idempotent_write: { afterEffective: 'warning', afterFailed: 'info' },
    write: { afterEffective: 'critical', afterFailed: 'info' },
    delegate: null,
  };

/** A second execution of the same effect and input within one logical workflow (rule `duplicate_execution`, v1). */
export const duplicateExecution: Rule<'duplicate_execution'> = {
  name: 'duplicate_execution',
  version: 1,
  judge(judgement) {
    const { event } = judgement.positioned;
    if (event.name !== 'ToolCallEvent') return [];
    const { effectName, inputHashes } = event.value;
    const keys = inputHashes.map((hash) => historyKey.input(effectName, keyed(hash)));
    return compare(judgement, keys, verdict);
  },
};

const verdict: Verdict = (execution, seen, policy) => {
  const effect = effectOf(execution.call, policy);
  const severities = SEVERITY[effect.effectClass];
  const { counted, undecided } = executionsBefore(execution, seen);
  const isCounted = counted.executions.length > 0;
  const earlier = isCounted ? counted : undecided;
  const against = judgedAgainst(earlier.executions);
  if (severities === null || against === undefined) return undefined;

  const cause = causeOf(execution, against, policy);
  const isHarmless = !isCounted || cause === 'protected' || !isEffective(execution);
  const severity = isHarmless ? 'info' : isEffective(against) ? severities.afterEffective : severities.afterFailed;
  return {
    rule: 'duplicate_execution',
    ruleVersion: duplicateExecution.version,
    severity: bounded(severity, effect),
    cause,
    summary: isCounted
      ? `${execution.call.tool} was executed again with the same input: ${placeOf(execution)} repeats ${placeOf(against)}, ${fateOf(against)}.`
      : `${execution.call.tool} was executed again with the same input: whether ${placeOf(execution)} is of the same occurrence as ${placeOf(against)} cannot be told, their hash keys differ.`,
    suggestion: null,
    trigger: triggerOf(execution.call, execution.first.offset, effect.effectClass),
    subject: execution.call.inputs[0] ?? '',
    evidence: evidenceOf(execution, earlier, against, countIncomparable(execution, [...counted.executions, ...undecided.executions])),
  };
};

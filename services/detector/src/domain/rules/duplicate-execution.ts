import type { DeclaredEffectClass } from '@idemtrace/schemas';
import { causeOf, judgedAgainst } from '../cause.ts';
import { bounded, effectOf } from '../effect.ts';
import { historyKey } from '../fact.ts';
import { type DeclaredSeverity, triggerOf } from '../finding.ts';
import { isEffective } from '../history.ts';
import { compare, countedBefore, evidenceOf, fateOf, placeOf, type Verdict } from './comparison.ts';
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
    const keys = inputHashes.map((hash) => historyKey.input(effectName, `${hash.hashKeyId}:${hash.digest}`));
    return compare(judgement, keys, verdict);
  },
};

const verdict: Verdict = (execution, executions, policy) => {
  const effect = effectOf(execution.call, policy);
  const severities = SEVERITY[effect.effectClass];
  const earlier = countedBefore(execution, executions);
  const against = judgedAgainst(earlier);
  if (severities === null || against === undefined) return undefined;

  const cause = causeOf(execution, against, policy);
  const isHarmless = cause === 'protected' || !isEffective(execution);
  const severity = isHarmless ? 'info' : isEffective(against) ? severities.afterEffective : severities.afterFailed;
  return {
    rule: 'duplicate_execution',
    ruleVersion: duplicateExecution.version,
    severity: bounded(severity, effect),
    cause,
    summary: `${execution.call.tool} was executed again with the same input: ${placeOf(execution)} repeats ${placeOf(against)}, ${fateOf(against)}.`,
    suggestion: null,
    trigger: triggerOf(execution.call, execution.first.offset, effect.effectClass),
    subject: execution.call.inputs[0] ?? '',
    evidence: evidenceOf(execution, earlier, against, 0),
  };
};

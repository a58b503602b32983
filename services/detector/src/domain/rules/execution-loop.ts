import { effectOf } from '../effect.ts';
import { historyKey, type PhaseFact } from '../fact.ts';
import { triggerOf } from '../finding.ts';
import { executionsIn, isVisible, type Viewpoint } from '../history.ts';
import { evidenceOf, sharesInput } from './comparison.ts';
import type { Judgement, Rule } from './rule.ts';

/**
 * The same effect and input again and again in one run, always with the same result, and nothing else succeeding in between
 * (rule `execution_loop`, v1). Said at the threshold, and again at twice, four times … the threshold, as revisions of one alert.
 */
export const executionLoop: Rule<'execution_loop'> = {
  name: 'execution_loop',
  version: 1,
  judge(judgement) {
    const { event } = judgement.positioned;
    if (event.name !== 'ToolCallEvent' || event.value.phase !== 'succeeded' || event.value.resultHash === null) return [];
    const { effectName, inputHashes, runId } = event.value;
    const keys = inputHashes.map((hash) => historyKey.input(effectName, `${hash.hashKeyId}:${hash.digest}`));
    const threshold = thresholdOf(judgement);
    if (!keys.some((key) => judgement.facts.history(key).length >= threshold)) return [];

    const now: Viewpoint = { offset: judgement.positioned.offset, logTime: judgement.positioned.logTime, windowMs: judgement.windowMs };
    const executions = executionsIn(judgement.facts, keys, now).filter((execution) => execution.call.runId === runId);
    const outcomes = executions.map(({ latest }) => latest).filter(({ phase }) => phase !== 'started');
    const chain = unbroken(
      outcomes.sort((a, b) => a.offset - b.offset),
      otherSuccesses(judgement, now, outcomes),
    );
    if (!isMultiple(chain.length, threshold)) return [];

    const members = new Set(chain.map((fact) => fact.call.executionId));
    const looping = executions.filter((execution) => members.has(execution.executionId));
    const trigger = looping[threshold - 1];
    const last = looping.at(-1);
    if (trigger === undefined || last === undefined) return [];
    const effect = effectOf(trigger.call, judgement.policy);
    return [
      {
        rule: 'execution_loop',
        ruleVersion: executionLoop.version,
        severity: 'warning',
        cause: null,
        summary: `${trigger.call.tool} was executed ${chain.length} times in run ${runId} with the same input and the same result, and nothing else succeeded in between.`,
        suggestion: `If the tool waits for a state, declare it: "${trigger.call.tool}": { poll: { max: N } }`,
        trigger: triggerOf(trigger.call, trigger.first.offset, effect.effectClass),
        subject: trigger.call.inputs[0] ?? '',
        evidence: evidenceOf(last, looping.slice(0, -1), looping.at(-2) ?? last, 0),
      },
    ];
  },
};

/** A tool that declares that it polls is let off up to its `max`. */
function thresholdOf({ positioned, policy }: Judgement): number {
  const call = positioned.event.name === 'ToolCallEvent' ? positioned.event.value : undefined;
  const pollMax = (call === undefined ? undefined : policy.tool(call.tool)?.poll?.max) ?? call?.poll?.max ?? 0;
  return Math.max(policy.policy.loopThreshold, pollMax + 1);
}

/** Offsets of the run's successes that are of another effect or input. */
function otherSuccesses({ positioned, facts }: Judgement, now: Viewpoint, own: readonly PhaseFact[]): readonly number[] {
  const first = own[0]?.call;
  if (first === undefined) return [];
  const visible = facts.history(historyKey.successes(positioned.event.value.runId)).filter((fact) => isVisible(fact, now));
  return visible
    .filter((fact) => fact.kind === 'phase' && !(fact.call.effectName === first.effectName && sharesInput(fact.call, first)))
    .map((fact) => fact.offset);
}

/** The latest outcomes, oldest first, that have the same result and no other success between them. */
function unbroken(outcomes: readonly PhaseFact[], others: readonly number[]): readonly PhaseFact[] {
  const last = outcomes.at(-1);
  if (last === undefined || last.result === null) return [];
  const lastOther = others.findLast((offset) => offset < last.offset) ?? -1;
  const broken = outcomes.findLastIndex((fact) => fact.offset < lastOther || fact.result !== last.result);
  return outcomes.slice(broken + 1);
}

/** n is threshold · 2^k. */
function isMultiple(n: number, threshold: number): boolean {
  const ratio = n / threshold;
  return ratio >= 1 && Number.isInteger(Math.log2(ratio));
}

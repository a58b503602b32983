import { effectOf } from '../effect.ts';
import { factOf, historyKey, isUnclassified } from '../fact.ts';
import { NO_EVIDENCE, triggerOf } from '../finding.ts';
import { isVisible } from '../history.ts';
import type { Rule } from './rule.ts';

/** A tool without a declared effect class, said once per workflow, tool and policy version (rule `unclassified_tool`, v1). */
export const unclassifiedTool: Rule<'unclassified_tool'> = {
  name: 'unclassified_tool',
  version: 1,
  judge({ positioned, facts, policy, windowMs }) {
    if (positioned.event.name !== 'ToolCallEvent') return [];
    const call = positioned.event.value;
    if (!isUnclassified(call) || policy.effectOf(call.tool) !== undefined) return [];
    const before = { offset: positioned.offset - 1, logTime: positioned.logTime, windowMs };
    const history = facts.history(historyKey.unclassified(call.tool, call.policyVersion ?? ''));
    if (history.facts.some((fact) => isVisible(fact, before))) return [];
    const fact = factOf(positioned);
    if (fact.kind !== 'phase') return [];
    const { effectClass } = effectOf(fact.call, policy);
    return [
      {
        rule: 'unclassified_tool',
        ruleVersion: unclassifiedTool.version,
        severity: 'info',
        cause: null,
        summary: `${call.tool} has no declared effect class; it is taken for ${effectClass}, and its repeats yield warning at most.`,
        suggestion: `Declare it: "${call.tool}": { effect: ${effectClass} }`,
        trigger: triggerOf(fact.call, fact.offset, effectClass),
        subject: call.tool,
        evidence: NO_EVIDENCE,
      },
    ];
  },
};

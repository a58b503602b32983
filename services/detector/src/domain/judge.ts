/** The verdict on one event: what all rules find, in a fixed order. */
import type { RuleName } from '@idemtrace/schemas';
import type { Finding } from './finding.ts';
import { divergentExecution } from './rules/divergent-execution.ts';
import { duplicateExecution } from './rules/duplicate-execution.ts';
import { executionLoop } from './rules/execution-loop.ts';
import { foreignDocument } from './rules/foreign-document.ts';
import type { Judgement, Rule } from './rules/rule.ts';
import { unclassifiedTool } from './rules/unclassified-tool.ts';
import { untaggedDocument } from './rules/untagged-document.ts';

/** Rules whose names the contract knows, and which no version judges yet. */
export type ReservedRule =
  | 'contaminated_action'
  | 'tenant_mismatch'
  | 'in_doubt'
  | 'ledger_bypass'
  | 'plan_divergence'
  | 'cross_workflow_duplicate';
export type JudgedRule = Exclude<RuleName, ReservedRule>;

/** Every rule by its name: a name in the contract that is neither here nor reserved does not compile. */
export const RULES: { readonly [N in JudgedRule]: Rule<N> } = {
  duplicate_execution: duplicateExecution,
  divergent_execution: divergentExecution,
  execution_loop: executionLoop,
  foreign_document: foreignDocument,
  untagged_document: untaggedDocument,
  unclassified_tool: unclassifiedTool,
};

const ORDER: readonly Rule[] = Object.values(RULES);

export function judge(judgement: Judgement): readonly Finding[] {
  const { disabledRules } = judgement.policy.policy;
  const findings: Finding[] = [];
  for (const rule of ORDER) {
    if (!disabledRules.includes(rule.name)) findings.push(...rule.judge(judgement));
  }
  return findings;
}

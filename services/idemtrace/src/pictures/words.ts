import type { Alert, Cause, RuleName, ToolPhase } from '@idemtrace/schemas';

type KnownCause = Exclude<Cause, 'unspecified'>;

/** What an alert's sentences are made of: names made safe to print. */
export interface Names {
  readonly tool: string;
  readonly dataSource: string;
  readonly tenant: string;
  readonly workflow: string;
}

/** What each rule saw, as a sentence. A new rule fails to compile until it has one. */
export const RULE_SENTENCES: Readonly<Record<RuleName, (names: Names, alert: Alert) => string>> = {
  duplicate_execution: ({ tool, workflow }, { evidence }) =>
    `${tool} ran ${times(evidence.executionsAcrossRuns)} with the same input in the workflow ${workflow}.`,
  divergent_execution: ({ tool, workflow }) =>
    `${tool} did the same business effect again in the workflow ${workflow}, with another input.`,
  execution_loop: ({ tool }, { evidence }) =>
    `${tool} ran ${times(evidence.executionsInRun)} in one run with the same input, and got the same answer each time.`,
  foreign_document: ({ dataSource, tenant }) => `${dataSource} returned documents of another tenant to an agent of ${tenant}.`,
  untagged_document: ({ dataSource }) => `${dataSource} returned documents that carry no tenant: nobody can tell whose they are.`,
  contaminated_action: ({ tool, tenant }) => `${tool} acted for ${tenant} on a document of another tenant.`,
  tenant_mismatch: ({ tenant, workflow }) =>
    `The run's token does not fit what the run says of itself: tenant ${tenant}, workflow ${workflow}.`,
  in_doubt: ({ tool }) => `${tool} started and told no outcome within its deadline: whether it had its effect is not known.`,
  ledger_bypass: ({ tool }) => `${tool} wrote without asking the ledger, which the policy requires.`,
  plan_divergence: ({ workflow }) => `A later run of ${workflow} left out, reordered or replaced steps that an earlier run had completed.`,
  cross_workflow_duplicate: ({ tool, workflow }) =>
    `${tool} did an effect in ${workflow} that another workflow of the tenant had done before.`,
  unclassified_tool: ({ tool }) => `Nobody declared what ${tool} does: its class is inferred, so its alerts are warnings at most.`,
};

/** Why it happened, as a sentence. A new cause fails to compile until it has one. */
export const CAUSE_SENTENCES: Readonly<Record<KnownCause, string>> = {
  protected: 'Both executions sent the same idempotency key downstream: the service can tell that they are one.',
  same_call: "The same tool call of the model was executed twice within one run: the tool's caller repeated it, not the model.",
  concurrent: 'The earlier execution was still under way when this one started: two of them ran side by side.',
  in_run_retry: 'The earlier execution of the same run had failed, and the run tried again.',
  model_repeat: 'The model asked for it again within one run, although the earlier execution had succeeded or may have.',
  run_retry:
    'A later run repeated it at the same place of the plan: the workflow was retried, and nothing told the run what the one before had done.',
  replan: 'A later run came to it by another plan: the workflow was retried, the agent planned anew, and did the effect again.',
};

/** What the earlier execution's outcome means for a second one. */
export const EARLIER_SENTENCES: Readonly<Record<ToolPhase, string>> = {
  unspecified: 'What became of the earlier one is not known to this version.',
  started: 'The earlier one has told no outcome: it may have had its effect.',
  succeeded: 'The earlier one succeeded: its effect was there already.',
  failed: 'The earlier one failed: it surely had no effect.',
  unknown: "The earlier one's answer was lost: it may have had its effect.",
  replayed: 'The earlier one was answered by the ledger, without being executed.',
  compensated: 'The earlier one was compensated: its effect was undone.',
};

/** What can be done, where the alert itself suggests nothing. */
export const RULE_ADVICE: Readonly<Record<RuleName, string>> = {
  duplicate_execution:
    'Check at the service whether the effect happened twice, and undo one. Then put a ledger before the tool, or send its idempotency key downstream.',
  divergent_execution:
    'Check at the service whether the effect happened twice, and undo one. Declare the effect key of the tool and put a ledger before it.',
  execution_loop: 'Stop the run if it still goes on. Where the tool is meant to be asked again and again, declare `poll: { max: … }`.',
  foreign_document: 'Filter the data source by tenant. Where everyone may read the document, name its tenant under `sharedTenants`.',
  untagged_document: 'Tag the documents of the data source with their tenants, or declare `untagged: allow`.',
  contaminated_action: 'Check what was done against the document, and undo it where it went wrong. Filter the data source by tenant.',
  tenant_mismatch: 'Find out where the run got its token, and stop the agent until that is known.',
  in_doubt: 'Look at the service whether the effect happened. Give the tool a longer `deadline` where it may take so long.',
  ledger_bypass: 'Wrap the tool with the ledger.',
  plan_divergence: 'Compare the two runs: what was left out may be missing, what was replaced may be there twice.',
  cross_workflow_duplicate: 'Find out why the trigger was delivered twice, and give both deliveries one workflow id.',
  unclassified_tool: 'Add the tool to the policy with its `effect`.',
};

function times(count: number): string {
  if (count <= 1) return 'again';
  return count === 2 ? 'twice' : `${count} times`;
}

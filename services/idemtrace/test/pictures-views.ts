/** Views of workflows for the tests of the pictures: written by hand, and generated. */

import type { ExecutionView, RetrievalView, RunView, WorkflowView } from '@idemtrace/lineage';
import type { Alert, ArgumentDigest, DocumentRef, EffectClass, Evidence, EvidenceExecution, ToolPhase } from '@idemtrace/schemas';
import { CAUSE_SYMBOLS, EFFECT_CLASS_SYMBOLS, RULE_SYMBOLS, SEVERITY_SYMBOLS, TOOL_PHASE_SYMBOLS } from '@idemtrace/schemas';
import fc from 'fast-check';

const START = Date.UTC(2026, 2, 14, 10, 2, 11);

/** Counts offsets on while a view is written down. */
export class ViewWriter {
  offset = 0;
  readonly runs: RunView[] = [];
  readonly alerts: Alert[] = [];
  readonly tenantId: string;
  readonly workflowId: string;

  constructor(tenantId = 'acme', workflowId = 'invoice-2041') {
    this.tenantId = tenantId;
    this.workflowId = workflowId;
  }

  run(options: Partial<RunView> & { attempt: number }): RunWriter {
    const executions: ExecutionView[] = [];
    const retrievals: RetrievalView[] = [];
    const run: RunView = {
      runId: `run-${options.attempt}`,
      parentRunId: null,
      agentId: 'billing-agent',
      agentVersion: '1.4.0',
      status: 'succeeded',
      suspended: false,
      ...options,
      executions,
      retrievals,
    };
    this.runs.push(run);
    return new RunWriter(this, run, executions, retrievals);
  }

  alert(options: Partial<Omit<Alert, 'evidence'>> & { evidence?: Partial<Evidence> }): Alert {
    const at = this.runs.flatMap((run) => run.executions).find((execution) => execution.executionId === options.executionId);
    const { evidence, ...rest } = options;
    const alert: Alert = {
      alertId: `alert-${this.alerts.length + 1}`,
      revision: this.offset,
      rule: 'duplicate_execution',
      ruleVersion: 1,
      severity: 'critical',
      cause: 'run_retry',
      summary: 'A write ran a second time with the same input.',
      suggestion: null,
      tenantId: this.tenantId,
      workflowId: this.workflowId,
      runId: at?.runId ?? 'run-1',
      attempt: 1,
      stepIndex: at?.stepIndex ?? 0,
      agentId: null,
      executionId: null,
      retrievalId: null,
      tool: at?.tool ?? null,
      effectName: at?.effectName ?? null,
      effectClass: at?.effectClass ?? null,
      subject: null,
      partition: 0,
      offset: at?.offset ?? this.offset,
      logTime: START + this.offset * 1000,
      policyVersion: 'billing-3',
      windowComplete: true,
      evidence: {
        executionsInRun: 1,
        executionsAcrossRuns: 2,
        runs: 2,
        judgedAgainst: null,
        first: null,
        lastEffective: null,
        latest: [],
        documents: [],
        dataSource: null,
        incomparable: 0,
        ...evidence,
      },
      ...rest,
    };
    this.alerts.push(alert);
    return alert;
  }

  view(): WorkflowView {
    return { tenantId: this.tenantId, workflowId: this.workflowId, runs: this.runs, alerts: this.alerts };
  }
}

export class RunWriter {
  readonly #writer: ViewWriter;
  readonly run: RunView;
  readonly #executions: ExecutionView[];
  readonly #retrievals: RetrievalView[];

  constructor(writer: ViewWriter, run: RunView, executions: ExecutionView[], retrievals: RetrievalView[]) {
    this.#writer = writer;
    this.run = run;
    this.#executions = executions;
    this.#retrievals = retrievals;
  }

  call(
    tool: string,
    effectClass: EffectClass = 'read',
    outcome: ToolPhase = 'succeeded',
    options: Partial<ExecutionView> = {},
  ): ExecutionView {
    const offset = this.#writer.offset++;
    const execution: ExecutionView = {
      executionId: `execution-${offset}`,
      runId: this.run.runId,
      stepIndex: this.#executions.length,
      toolCallId: null,
      tool,
      effectName: tool,
      effectClass,
      inputHashes: [{ hashKeyId: 'k1', digest: `hash-of-${tool}` }],
      effectKey: null,
      outcome,
      offset,
      logTime: START + offset * 1000,
      occurredAt: START + offset * 1000 - 40,
      durationMs: 120,
      leafHashKeyId: 'k1',
      argumentDigests: [],
      argumentDigestsOmitted: 0,
      groundedOn: [],
      disclosed: [],
      ...options,
    };
    this.#executions.push(execution);
    return execution;
  }

  retrieve(dataSource: string, documents: readonly DocumentRef[], options: Partial<RetrievalView> = {}): RetrievalView {
    const offset = this.#writer.offset++;
    const retrieval: RetrievalView = {
      retrievalId: `retrieval-${offset}`,
      runId: this.run.runId,
      stepIndex: Math.max(0, this.#executions.length - 1),
      executionId: null,
      dataSource,
      documents,
      offset,
      logTime: START + offset * 1000,
      occurredAt: START + offset * 1000,
      ...options,
    };
    this.#retrievals.push(retrieval);
    return retrieval;
  }
}

export function document(id: string, tenantId: string | null = 'acme'): DocumentRef {
  return { id, tenantId, score: null };
}

export function digest(path: string, value: string): ArgumentDigest {
  return { path, digest: value, kind: 'word' };
}

export function evidenceOf(execution: ExecutionView, attempt = 1): EvidenceExecution {
  const { executionId, runId, stepIndex, offset, logTime, outcome } = execution;
  return { executionId, runId, attempt, stepIndex, offset, logTime, outcome };
}

/** An agent dies after a charge whose answer was lost; the second attempt charges again; a foreign document on the way. */
export function billingView(): WorkflowView {
  const writer = new ViewWriter();
  const first = writer.run({ attempt: 1, status: null });
  first.call('crm.find_customer');
  first.retrieve('contracts', [document('contract-17'), document('rate-card-9', 'globex'), document('terms', 'shared')], {
    executionId: 'execution-0',
  });
  const charge = first.call('billing.charge', 'write', 'unknown', {
    argumentDigests: [digest('amount', 'a'), digest('invoice_id', 'b'), digest('request_id', 'c'), digest('memo', 'd')],
    disclosed: [{ path: 'input.invoice_id', json: '"inv-2041"' }],
  });
  const second = writer.run({ attempt: 2, runId: 'run-2' });
  second.call('crm.find_customer');
  const again = second.call('billing.charge', 'write', 'succeeded', {
    argumentDigests: [digest('amount', 'a'), digest('invoice_id', 'b'), digest('request_id', 'x'), digest('note', 'n')],
    groundedOn: ['retrieval-1'],
    disclosed: [{ path: 'input.invoice_id', json: '"inv-2041"' }],
  });
  second.call('mail.send_receipt', 'write');
  second.call('crm.close_ticket', 'idempotent_write');
  writer.alert({
    rule: 'foreign_document',
    cause: null,
    retrievalId: 'retrieval-1',
    executionId: null,
    tool: null,
    evidence: { documents: [document('rate-card-9', 'globex')], dataSource: 'contracts' },
    suggestion: 'Filter the data source by tenant, or name globex under sharedTenants.',
  });
  writer.alert({
    executionId: again.executionId,
    attempt: 2,
    runId: 'run-2',
    evidence: { judgedAgainst: evidenceOf(charge), first: evidenceOf(charge), latest: [evidenceOf(charge)] },
    suggestion: 'Send the idempotency key downstream, or put a ledger before billing.charge.',
  });
  return writer.view();
}

/** So many attempts at the same long plan, each charging again. */
export function manyRuns(count: number, steps = 5): WorkflowView {
  const writer = new ViewWriter('acme', 'nightly-reconciliation');
  let before: ExecutionView | undefined;
  for (let attempt = 1; attempt <= count; attempt++) {
    const run = writer.run({ attempt, status: attempt === count ? 'succeeded' : 'failed' });
    for (let step = 0; step < steps; step++) {
      if (step !== Math.floor(steps / 2)) {
        run.call(`ledger.read_page_${step}`);
        continue;
      }
      const charge = run.call('payments.transfer', 'write', attempt === count ? 'succeeded' : 'unknown');
      if (before !== undefined) {
        const evidence = { judgedAgainst: evidenceOf(before, attempt - 1) };
        writer.alert({ executionId: charge.executionId, attempt, runId: charge.runId, evidence });
      }
      before = charge;
    }
  }
  return writer.view();
}

/** Sub-agents, parallel calls, a loop within a run, long and wide names. */
export function nestedView(): WorkflowView {
  const writer = new ViewWriter('müller-gmbh', 'onboarding/2026-03-14T10:02:11Z/customer-000000000000000000004711');
  const parent = writer.run({ attempt: 1, runId: 'run-parent', agentId: 'orchestrator' });
  parent.call('agents.research', 'delegate', 'succeeded');
  const child = writer.run({ attempt: 1, runId: 'run-child', parentRunId: 'run-parent', agentId: 'researcher', agentVersion: null });
  child.call('web.search');
  child.call('知识库.检索文档_with_a_very_long_name_that_does_not_fit_anywhere_at_all');
  const grandchild = writer.run({ attempt: 1, runId: 'run-grandchild', parentRunId: 'run-child', agentId: 'summariser', status: 'failed' });
  grandchild.call('notes.append', 'write', 'failed');
  const one = parent.call('mail.send', 'write', 'succeeded', { stepIndex: 1 });
  const two = parent.call('mail.send', 'write', 'started', { stepIndex: 1 });
  parent.call('calendar.create_event', 'write', 'replayed');
  parent.call('crm.upsert', 'idempotent_write', 'compensated');
  writer.alert({
    executionId: two.executionId,
    severity: 'warning',
    cause: 'concurrent',
    runId: 'run-parent',
    evidence: { judgedAgainst: evidenceOf(one) },
  });
  return writer.view();
}

const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    '\u001b[2J\u001b[31mred',
    'a\nb\tc',
    '<script>&"\']]>',
    '知识库检索',
    '👨‍👩‍👧‍👦',
    '\u202eevil',
    '\ud800',
    'x'.repeat(300),
    '',
  ),
);
const ids = fc.constantFrom('e1', 'e2', 'e3', 'e4', 'r1', 'r2', '\u001b]0;x\u0007');
const time = fc.oneof(fc.integer({ min: 0, max: 2_000_000_000_000 }), fc.constantFrom(-1, Number.MAX_SAFE_INTEGER));
const runIds = fc.constantFrom('a', 'b', 'c', 'd');
const documents = fc.array(fc.record({ id: text, tenantId: fc.option(text), score: fc.constant(null) }), { maxLength: 4 });
const evidenceExecution: fc.Arbitrary<EvidenceExecution> = fc.record({
  executionId: ids,
  runId: runIds,
  attempt: fc.nat(9),
  stepIndex: fc.nat(70),
  offset: fc.nat(99),
  logTime: time,
  outcome: fc.constantFrom(...TOOL_PHASE_SYMBOLS),
});
const execution: fc.Arbitrary<ExecutionView> = fc.record({
  executionId: ids,
  runId: runIds,
  stepIndex: fc.nat(70),
  toolCallId: fc.option(text),
  tool: text,
  effectName: text,
  effectClass: fc.constantFrom(...EFFECT_CLASS_SYMBOLS),
  inputHashes: fc.array(fc.record({ hashKeyId: fc.constantFrom('k1', 'k2'), digest: text }), { maxLength: 2 }),
  effectKey: fc.constant(null),
  outcome: fc.constantFrom(...TOOL_PHASE_SYMBOLS),
  offset: fc.nat(99),
  logTime: time,
  occurredAt: time,
  durationMs: fc.option(fc.double({ noNaN: true })),
  leafHashKeyId: fc.constantFrom('k1', 'k2', null),
  argumentDigests: fc.array(fc.record({ path: text, digest: fc.constantFrom('x', 'y'), kind: fc.constant('word' as const) }), {
    maxLength: 4,
  }),
  argumentDigestsOmitted: fc.nat(3),
  groundedOn: fc.array(ids, { maxLength: 2 }),
  disclosed: fc.array(fc.record({ path: text, json: text }), { maxLength: 2 }),
});
const retrieval: fc.Arbitrary<RetrievalView> = fc.record({
  retrievalId: ids,
  runId: runIds,
  stepIndex: fc.nat(70),
  executionId: fc.option(ids),
  dataSource: text,
  documents,
  offset: fc.nat(99),
  logTime: time,
  occurredAt: time,
});
const run: fc.Arbitrary<RunView> = fc.record({
  runId: runIds,
  attempt: fc.nat(9),
  parentRunId: fc.option(runIds),
  agentId: fc.option(text),
  agentVersion: fc.option(text),
  status: fc.constantFrom(null, 'succeeded' as const, 'failed' as const, 'unspecified' as const),
  suspended: fc.boolean(),
  executions: fc.array(execution, { maxLength: 8 }),
  retrievals: fc.array(retrieval, { maxLength: 3 }),
});
const alert: fc.Arbitrary<Alert> = fc.record({
  alertId: fc.constantFrom('a1', 'a2', 'a3'),
  revision: fc.nat(),
  rule: fc.constantFrom(...RULE_SYMBOLS),
  ruleVersion: fc.constant(1),
  severity: fc.constantFrom(...SEVERITY_SYMBOLS),
  cause: fc.option(fc.constantFrom(...CAUSE_SYMBOLS)),
  summary: text,
  suggestion: fc.option(text),
  tenantId: text,
  workflowId: text,
  runId: runIds,
  attempt: fc.nat(9),
  stepIndex: fc.nat(70),
  agentId: fc.option(text),
  executionId: fc.option(ids),
  retrievalId: fc.option(ids),
  tool: fc.option(text),
  effectName: fc.option(text),
  effectClass: fc.option(fc.constantFrom(...EFFECT_CLASS_SYMBOLS)),
  subject: fc.option(text),
  partition: fc.nat(5),
  offset: fc.nat(99),
  logTime: time,
  policyVersion: fc.option(text),
  windowComplete: fc.boolean(),
  evidence: fc.record({
    executionsInRun: fc.nat(9),
    executionsAcrossRuns: fc.nat(9),
    runs: fc.nat(9),
    judgedAgainst: fc.option(evidenceExecution),
    first: fc.option(evidenceExecution),
    lastEffective: fc.option(evidenceExecution),
    latest: fc.array(evidenceExecution, { maxLength: 3 }),
    documents,
    dataSource: fc.option(text),
    incomparable: fc.nat(2),
  }),
});

/** Any view at all: ids that repeat, parents that are their own children, text that attacks terminals and parsers. */
export const anyView: fc.Arbitrary<WorkflowView> = fc.record({
  tenantId: text,
  workflowId: text,
  runs: fc.uniqueArray(run, { maxLength: 5, selector: ({ runId }) => runId }),
  alerts: fc.array(alert, { maxLength: 4 }),
});

/** Events as an emitter would send them, with defaults for what a test does not care about. */
import type { Alert, EvidenceExecution, RetrievalEvent, RunEvent, ToolCallEvent } from '@idemtrace/schemas';

/** The n-th id of a kind: a UUID that a person can recognise. */
export function uuid(kind: number, n: number): string {
  return `${String(kind).padStart(8, '0')}-0000-7000-8000-${String(n).padStart(12, '0')}`;
}

/** A digest of 43 characters that a person can recognise. */
export function digest(word: string): string {
  return word.padEnd(42, '_').concat('A');
}

const SCOPE = {
  tenantId: 'acme',
  workflowId: 'invoice-1',
  runId: 'run-1',
  attempt: 1,
  parentRunId: null,
  conversationId: null,
  agentId: 'billing',
  agentVersion: '1.2.0',
};

const ORIGIN = {
  occurredAt: Date.UTC(2026, 0, 5, 12),
  emitterId: uuid(9, 1),
  sequence: 0,
  policyVersion: null,
  traceId: null,
};

export function runEvent(over: Partial<RunEvent> = {}): RunEvent {
  return { ...SCOPE, incarnation: 0, phase: 'started', status: null, ...ORIGIN, ...over };
}

export function toolCall(over: Partial<ToolCallEvent> = {}): ToolCallEvent {
  return {
    ...SCOPE,
    stepIndex: 0,
    toolCallId: 'call-1',
    executionId: uuid(1, 1),
    parentExecutionId: null,
    phase: 'started',
    tool: 'charge_card',
    effectName: 'charge_card',
    effectClass: 'write',
    effectClassSource: 'code',
    inputHashes: [{ hashKeyId: 'k1', digest: digest('input-a') }],
    unhashable: null,
    effectKey: null,
    occurrences: [],
    approvals: [],
    downstreamKeys: [],
    executionCount: 1,
    precedingCalls: [],
    leafHashKeyId: null,
    argumentDigests: [],
    argumentDigestsOmitted: 0,
    resultHashes: [],
    groundedOn: [],
    poll: null,
    deadlineMs: null,
    durationMs: null,
    ledger: null,
    disclosed: [],
    ...ORIGIN,
    ...over,
  };
}

export function retrieval(over: Partial<RetrievalEvent> = {}): RetrievalEvent {
  return {
    ...SCOPE,
    stepIndex: 0,
    retrievalId: uuid(2, 1),
    executionId: null,
    toolCallId: null,
    dataSource: 'contracts',
    queryHashes: [{ hashKeyId: 'k1', digest: digest('query-a') }],
    documents: [{ id: 'doc-1', tenantId: 'acme', score: 0.5 }],
    documentsOmitted: 0,
    durationMs: 3,
    disclosed: [],
    ...ORIGIN,
    ...over,
  };
}

export function evidenceExecution(over: Partial<EvidenceExecution> = {}): EvidenceExecution {
  return {
    executionId: uuid(1, 1),
    runId: 'run-1',
    attempt: 1,
    stepIndex: 0,
    offset: 0,
    logTime: ORIGIN.occurredAt,
    outcome: 'succeeded',
    ...over,
  };
}

export function alert(over: Partial<Alert> = {}): Alert {
  return {
    alertId: 'alert-1',
    revision: 5,
    rule: 'duplicate_execution',
    ruleVersion: 1,
    severity: 'critical',
    cause: 'run_retry',
    summary: 'charge_card was executed a second time',
    suggestion: null,
    tenantId: 'acme',
    workflowId: 'invoice-1',
    runId: 'run-2',
    attempt: 2,
    stepIndex: 0,
    agentId: 'billing',
    executionId: uuid(1, 2),
    retrievalId: null,
    tool: 'charge_card',
    effectName: 'charge_card',
    effectClass: 'write',
    subject: digest('input-a'),
    partition: 0,
    offset: 5,
    logTime: ORIGIN.occurredAt,
    policyVersion: null,
    windowComplete: true,
    evidence: {
      executionsInRun: 1,
      executionsAcrossRuns: 2,
      runs: 2,
      judgedAgainst: evidenceExecution(),
      first: evidenceExecution(),
      lastEffective: evidenceExecution(),
      latest: [evidenceExecution()],
      documents: [],
      dataSource: null,
      incomparable: 0,
    },
    ...over,
  };
}

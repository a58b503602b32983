/** From a finding to the alert that is published for it. */
import { hash } from 'node:crypto';
import type { Alert, Evidence, EvidenceExecution } from '@idemtrace/schemas';
import type { PositionedEvent } from './domain/fact.ts';
import type { Finding } from './domain/finding.ts';
import type { Execution } from './domain/history.ts';

export interface AlertContext {
  readonly cause: PositionedEvent;
  readonly policyVersion: string;
  readonly windowComplete: boolean;
}

export function alertOf(finding: Finding, { cause, policyVersion, windowComplete }: AlertContext): Alert {
  const { tenantId, workflowId } = cause.event.value;
  const { trigger, evidence } = finding;
  return {
    alertId: alertIdOf(finding, tenantId, workflowId),
    revision: cause.offset,
    rule: finding.rule,
    ruleVersion: finding.ruleVersion,
    severity: finding.severity,
    cause: finding.cause,
    summary: finding.summary,
    suggestion: finding.suggestion,
    tenantId,
    workflowId,
    runId: trigger.runId,
    attempt: trigger.attempt,
    stepIndex: trigger.stepIndex,
    agentId: trigger.agentId,
    executionId: trigger.executionId,
    retrievalId: trigger.retrievalId,
    tool: trigger.tool,
    effectName: trigger.effectName,
    effectClass: trigger.effectClass,
    subject: finding.subject,
    partition: cause.partition,
    offset: trigger.offset,
    logTime: cause.logTime,
    policyVersion,
    windowComplete,
    evidence: boundEvidence({
      executionsInRun: evidence.executionsInRun,
      executionsAcrossRuns: evidence.executionsAcrossRuns,
      runs: evidence.runs,
      judgedAgainst: evidenceExecution(evidence.judgedAgainst),
      first: evidenceExecution(evidence.first),
      lastEffective: evidenceExecution(evidence.lastEffective),
      latest: evidence.latest.flatMap((execution) => evidenceExecution(execution) ?? []),
      documents: evidence.documents,
      dataSource: evidence.dataSource,
      incomparable: evidence.incomparable,
    }),
  };
}

/** Most bytes of an alert's evidence, as JSON: in Avro it takes less. */
export const MAX_EVIDENCE_BYTES = 64_000;

/** Evidence that fits: the oldest of the latest executions go first, then documents from the end; counts and the three named executions stay. */
export function boundEvidence(evidence: Evidence): Evidence {
  let bounded = evidence;
  while (Buffer.byteLength(JSON.stringify(bounded)) > MAX_EVIDENCE_BYTES) {
    if (bounded.latest.length > 0) bounded = { ...bounded, latest: bounded.latest.slice(1) };
    else if (bounded.documents.length > 0) bounded = { ...bounded, documents: bounded.documents.slice(0, -1) };
    else break;
  }
  return bounded;
}

/** Digest of rule, triggering execution or retrieval, and subject; no offset in it, so that every adapter gives the same id. */
function alertIdOf({ rule, trigger, subject }: Finding, tenantId: string, workflowId: string): string {
  const identity = trigger.executionId ?? trigger.retrievalId ?? trigger.runId;
  const parts = [rule, tenantId, workflowId, identity, subject];
  return hash('sha256', parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join(''), 'hex').slice(0, 32);
}

function evidenceExecution(execution: Execution | null): EvidenceExecution | null {
  if (execution === null) return null;
  const { call, first, latest } = execution;
  return {
    executionId: execution.executionId,
    runId: call.runId,
    attempt: call.attempt,
    stepIndex: call.stepIndex,
    offset: first.offset,
    logTime: first.logTime,
    outcome: latest.phase,
  };
}

/** What a rule says of one event: everything in an alert that follows from the facts. */
import type { Cause, DeclaredEffectClass, DocumentRef, RuleName, Severity } from '@idemtrace/schemas';
import type { CallFact } from './fact.ts';
import type { Execution } from './history.ts';

export type DeclaredSeverity = Exclude<Severity, 'unspecified'>;
export type DeclaredCause = Exclude<Cause, 'unspecified'>;

/** The execution or retrieval that an alert is about. */
export interface Trigger {
  readonly runId: string;
  readonly attempt: number;
  readonly stepIndex: number;
  readonly agentId: string | null;
  readonly executionId: string | null;
  readonly retrievalId: string | null;
  readonly tool: string | null;
  readonly effectName: string | null;
  readonly effectClass: DeclaredEffectClass | null;
  /** Position of its first record. */
  readonly offset: number;
}

export interface FindingEvidence {
  readonly executionsInRun: number;
  readonly executionsAcrossRuns: number;
  readonly runs: number;
  readonly judgedAgainst: Execution | null;
  readonly first: Execution | null;
  readonly lastEffective: Execution | null;
  /** The latest earlier ones, at most 8, oldest first. */
  readonly latest: readonly Execution[];
  readonly documents: readonly DocumentRef[];
  readonly dataSource: string | null;
  readonly incomparable: number;
}

export interface Finding {
  readonly rule: RuleName;
  readonly ruleVersion: number;
  readonly severity: DeclaredSeverity;
  readonly cause: DeclaredCause | null;
  /** One sentence, without any argument value. */
  readonly summary: string;
  readonly suggestion: string | null;
  readonly trigger: Trigger;
  /** What the alert is about: with rule and trigger it makes the alert's identity. */
  readonly subject: string;
  readonly evidence: FindingEvidence;
}

export const NO_EVIDENCE: FindingEvidence = Object.freeze({
  executionsInRun: 0,
  executionsAcrossRuns: 0,
  runs: 0,
  judgedAgainst: null,
  first: null,
  lastEffective: null,
  latest: [],
  documents: [],
  dataSource: null,
  incomparable: 0,
});

/** @param offset of the execution's first record */
export function triggerOf(call: CallFact, offset: number, effectClass: DeclaredEffectClass): Trigger {
  const { runId, attempt, stepIndex, agentId, executionId, tool, effectName } = call;
  return { runId, attempt, stepIndex, agentId, executionId, retrievalId: null, tool, effectName, effectClass, offset };
}

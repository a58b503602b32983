/** Rules that compare an execution with earlier ones: what they share is when a verdict is given again. */
import type { PolicyLookup } from '@idemtrace/schemas';
import type { CallFact } from '../fact.ts';
import type { Finding, FindingEvidence } from '../finding.ts';
import { type Execution, executionsIn, isEffective, type Viewpoint } from '../history.ts';
import type { Judgement } from './rule.ts';

/** A verdict on one execution, given all executions of its histories by position; undefined where the rule does not fire. */
export type Verdict = (execution: Execution, executions: readonly Execution[], policy: PolicyLookup) => Finding | undefined;

/**
 * Findings of one event. An outcome changes what is known of its own execution and may change the verdict on every later one of the same
 * histories: each is judged as seen just before the event and as seen with it, and is found again where existence, severity or cause differ.
 */
export function compare(judgement: Judgement, keys: readonly string[], verdict: Verdict): readonly Finding[] {
  const { positioned, facts, policy, windowMs } = judgement;
  if (positioned.event.name !== 'ToolCallEvent') return [];
  const { executionId } = positioned.event.value;
  if (!keys.some((key) => facts.history(key).some((fact) => fact.kind === 'phase' && fact.call.executionId !== executionId))) return [];

  const now: Viewpoint = { offset: positioned.offset, logTime: positioned.logTime, windowMs };
  const after = executionsIn(facts, keys, now);
  const before = executionsIn(facts, keys, { ...now, offset: positioned.offset - 1 });
  const position = [...after, ...before].find((execution) => execution.executionId === executionId)?.first.offset ?? positioned.offset;

  const findings: Finding[] = [];
  const candidates = new Map([...before, ...after].map((execution) => [execution.executionId, execution]));
  for (const candidate of candidates.values()) {
    if (candidate.first.offset < position) continue;
    const [was, is] = [before, after].map((executions) => {
      const execution = executions.find((other) => other.executionId === candidate.executionId);
      return execution === undefined ? undefined : verdict(execution, executions, policy);
    });
    if (is !== undefined) {
      if (was?.severity !== is.severity || was.cause !== is.cause) findings.push(is);
    } else if (was !== undefined && was.severity !== 'info') {
      findings.push({ ...was, severity: 'info', summary: `Withdrawn: no second execution after all. ${was.summary}` });
    }
  }
  return findings;
}

/** Executions before this one that count: not those of another declared occurrence, and none at all under a fresh approval. */
export function countedBefore(execution: Execution, executions: readonly Execution[]): readonly Execution[] {
  const { occurrence, approval } = execution.call;
  const { offset } = execution.first;
  const earlier = executions.filter((other) => other.first.offset < offset && other.call.occurrence === occurrence);
  const isFreshlyApproved =
    approval !== null && executions.every((other) => other.first.offset >= offset || other.call.approval !== approval);
  return isFreshlyApproved ? [] : earlier;
}

/** They were given the same input: a hash in common. */
export function sharesInput(a: CallFact, b: CallFact): boolean {
  return a.inputs.some((input) => b.inputs.includes(input));
}

/** Whether hashes can tell the two inputs apart: they are under a key id in common. */
export function isComparable(a: CallFact, b: CallFact): boolean {
  return a.inputs.some((input) => b.inputs.some((other) => keyIdOf(input) === keyIdOf(other)));
}

function keyIdOf(input: string): string {
  return input.slice(0, input.lastIndexOf(':'));
}

const LATEST_EARLIER = 8;

export function evidenceOf(
  execution: Execution,
  earlier: readonly Execution[],
  judgedAgainst: Execution,
  incomparable: number,
): FindingEvidence {
  const counted = [...earlier, execution];
  return {
    executionsInRun: counted.filter((other) => other.call.runId === execution.call.runId).length,
    executionsAcrossRuns: counted.length,
    runs: new Set(counted.map((other) => other.call.runId)).size,
    judgedAgainst,
    first: earlier[0] ?? null,
    lastEffective: earlier.findLast(isEffective) ?? null,
    latest: earlier.slice(-LATEST_EARLIER),
    documents: [],
    dataSource: null,
    incomparable,
  };
}

/** `run X, step 3` as summaries name an execution. */
export function placeOf(execution: Execution): string {
  return `run ${execution.call.runId}, step ${execution.call.stepIndex}`;
}

/** `which succeeded`, `which failed`, … as summaries say what became of an earlier execution. */
export function fateOf(execution: Execution): string {
  switch (execution.latest.phase) {
    case 'succeeded':
      return 'which succeeded';
    case 'failed':
      return 'which failed';
    case 'compensated':
      return 'which was compensated';
    case 'started':
      return 'which has no outcome yet';
    case 'unknown':
    case 'unspecified':
    case 'replayed':
      return 'whose outcome is unknown';
  }
}

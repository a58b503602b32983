/** Rules that compare an execution with earlier ones: what they share is when a verdict is given again. */
import type { PolicyLookup } from '@idemtrace/schemas';
import { compareDigests, compareInputs, type Likeness, sharesDigest } from '../digests.ts';
import { executionsIn, type SeenExecutions } from '../executions.ts';
import type { CallFact } from '../fact.ts';
import type { Finding, FindingEvidence } from '../finding.ts';
import type { ClosedGroup } from '../fold.ts';
import { type Execution, isEffective, type Viewpoint } from '../history.ts';
import type { Judgement } from './rule.ts';

/** A verdict on one open execution, given all executions of its histories; undefined where the rule does not fire. */
export type Verdict = (execution: Execution, seen: SeenExecutions, policy: PolicyLookup) => Finding | undefined;

/**
 * Findings of one event. An outcome changes what is known of its own execution and may change the verdict on every later one of the same
 * histories: each is judged as seen just before the event and as seen with it, and is found again where existence, severity or cause differ.
 * Only what is open is judged: an outcome of an execution that is closed changes nothing.
 */
export function compare(judgement: Judgement, keys: readonly string[], verdict: Verdict): readonly Finding[] {
  const { positioned, facts, policy, windowMs } = judgement;
  if (positioned.event.name !== 'ToolCallEvent') return [];
  const { executionId } = positioned.event.value;
  const hasOthers = (key: string) => {
    const history = facts.history(key);
    return history.folded !== undefined || history.facts.some((fact) => fact.kind === 'phase' && fact.call.executionId !== executionId);
  };
  if (!keys.some(hasOthers)) return [];

  const now: Viewpoint = { offset: positioned.offset, logTime: positioned.logTime, windowMs };
  const after = executionsIn(facts, keys, now);
  const before = executionsIn(facts, keys, { ...now, offset: positioned.offset - 1 });
  const position =
    [...after.open, ...before.open].find((execution) => execution.executionId === executionId)?.first.offset ?? positioned.offset;

  const findings: Finding[] = [];
  const candidates = new Map([...before.open, ...after.open].map((execution) => [execution.executionId, execution]));
  for (const candidate of candidates.values()) {
    if (candidate.first.offset < position) continue;
    const [was, is] = [before, after].map((seen) => {
      const execution = seen.open.find((other) => other.executionId === candidate.executionId);
      return execution === undefined ? undefined : verdict(execution, seen, policy);
    });
    if (is !== undefined) {
      if (was?.severity !== is.severity || was.cause !== is.cause) findings.push(is);
    } else if (was !== undefined && was.severity !== 'info') {
      findings.push({ ...was, severity: 'info', summary: `Withdrawn: no second execution after all. ${was.summary}` });
    }
  }
  return findings;
}

/** Executions before one, without those of another declared occurrence; none at all where it has a fresh approval. */
export interface EarlierExecutions {
  /** Of the same occurrence, or of none like it: they count. */
  readonly counted: Earlier;
  /** Of an occurrence that cannot be compared: they may have been meant to be the same, or another. */
  readonly undecided: Earlier;
}

export interface Earlier {
  /** By position: what is remembered of the closed ones, and all open ones. */
  readonly executions: readonly Execution[];
  readonly closed: readonly ClosedGroup[];
}

const NONE: Earlier = { executions: [], closed: [] };

export function executionsBefore(execution: Execution, { open, closed }: SeenExecutions): EarlierExecutions {
  const { occurrences, approvals } = execution.call;
  const earlier = open.filter((other) => other.first.offset < execution.first.offset);
  const used = [...closed.approvals, ...earlier.map((other) => other.call.approvals)];
  const isFreshlyApproved = approvals.length > 0 && used.every((other) => compareDigests(approvals, other) === 'different');
  if (isFreshlyApproved) return { counted: NONE, undecided: NONE };
  const those = (likeness: Likeness): Earlier => {
    const groups = closed.groups.filter((group) => compareDigests(occurrences, group.occurrences) === likeness);
    const executions = earlier.filter((other) => compareDigests(occurrences, other.call.occurrences) === likeness);
    if (groups.length === 0) return { executions, closed: groups };
    const all = [...groups.flatMap(({ remembered }) => remembered), ...executions];
    return { executions: all.sort((a, b) => a.first.offset - b.first.offset), closed: groups };
  };
  return { counted: those('same'), undecided: those('incomparable') };
}

/** They were given the same input: a hash in common. */
export function sharesInput(a: CallFact, b: CallFact): boolean {
  return sharesDigest(a.inputs, b.inputs);
}

/** Something that decides a verdict on the two cannot be compared. */
export function isIncomparable(a: CallFact, b: CallFact): boolean {
  return (
    compareInputs(a.inputs, b.inputs) === 'incomparable' ||
    compareDigests(a.occurrences, b.occurrences) === 'incomparable' ||
    compareDigests(a.approvals, b.approvals) === 'incomparable' ||
    compareDigests(a.downstreamKeys, b.downstreamKeys) === 'incomparable'
  );
}

/** How many of these cannot be compared with it in something that decides. */
export function countIncomparable(execution: Execution, others: readonly Execution[]): number {
  return others.filter((other) => isIncomparable(other.call, execution.call)).length;
}

const LATEST_EARLIER = 8;

/** Of closed executions the counts are a lower bound where more were closed in more runs, or of more occurrences, than are remembered. */
export function evidenceOf(
  execution: Execution,
  { executions: earlier, closed }: Earlier,
  judgedAgainst: Execution,
  incomparable: number,
): FindingEvidence {
  const { runId } = execution.call;
  const remembered = new Set(closed.flatMap((group) => group.remembered));
  const counted = [...earlier.filter((other) => !remembered.has(other)), execution];
  const closedRuns = closed.flatMap((group) => group.runs);
  const closedInRun = closedRuns.reduce((sum, run) => (run.runId === runId ? sum + run.count : sum), 0);
  return {
    executionsInRun: closedInRun + counted.filter((other) => other.call.runId === runId).length,
    executionsAcrossRuns: closed.reduce((sum, { count }) => sum + count, counted.length),
    runs: new Set([...closedRuns.map((run) => run.runId), ...counted.map((other) => other.call.runId)]).size,
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

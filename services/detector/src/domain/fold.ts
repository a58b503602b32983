/**
 * Folding: what a history of many executions comes to, in bounded room.
 *
 * Once more than RETAINED later executions of a history have begun, an execution is *closed*: its state is frozen as of that position, and
 * outcomes that arrive later change no verdict of that history. What is closed is summed up; what is open stays in full. Closing goes in the
 * order in which the executions began, so the sum is a left fold: folding up to one position, then up to a later one, is folding up to the
 * later one at once. A verdict folds for itself up to its own position, so it does not matter when, or whether, a store folded before.
 */
import { compareDigests } from './digests.ts';
import type { Fact, PhaseFact } from './fact.ts';
import { type Execution, isEffective, merge } from './history.ts';

/** Executions that began later, before one is closed. */
export const RETAINED = 64;
/** Parts of the window by which closed executions leave it. */
const BUCKETS = 16;
/** Occurrences, of each group the runs, and approvals that are remembered of closed executions: the latest ones. */
const GROUPS = 16;
const RUNS = 16;
const APPROVALS = 64;
/** Digests of a streak's one result: under each key of a rotation or two. */
const STREAK_RESULTS = 8;

/** Facts of one history, by offset, and what is folded of it. */
export interface History {
  /** Undefined where nothing is. No fact of a folded execution is among the facts. */
  readonly folded: FoldedExecutions | undefined;
  readonly facts: readonly Fact[];
}

export const NO_HISTORY: History = Object.freeze({ folded: undefined, facts: [] });

export interface FoldedExecutions {
  /** Offset at which the latest of them began. Whatever began there or before is closed. */
  readonly closedThrough: number;
  /** By what was declared as occurrence; the one that was added to last is last. */
  readonly groups: readonly FoldedGroup[];
  /** What they were approved by, each once, the latest last. */
  readonly approvals: readonly FoldedApproval[];
}

export interface FoldedApproval {
  readonly approvals: readonly string[];
  readonly bucket: number;
}

/** Closed executions of one occurrence, or of none. */
export interface FoldedGroup {
  readonly occurrences: readonly string[];
  /** How many began in each bucket of log time, oldest first. */
  readonly counts: readonly (readonly [bucket: number, count: number])[];
  readonly first: Execution;
  readonly last: Execution;
  readonly lastEffective: Execution | null;
  /** The one that was added to last is last. */
  readonly runs: readonly FoldedRun[];
}

export interface FoldedRun {
  readonly runId: string;
  readonly count: number;
  readonly last: Execution;
  readonly lastEffective: Execution | null;
  readonly streak: Streak | null;
}

/** Closed executions of a run that all ended with the same result, up to the last one closed. */
export interface Streak {
  readonly count: number;
  readonly results: readonly string[];
  /** Offsets of the first and of the last outcome. */
  readonly since: number;
  readonly until: number;
}

/** Closes every execution after which more than RETAINED others began below an offset. */
export function fold(history: History, below: number, windowMs: number): History {
  if (history.facts.length <= RETAINED) return history;
  const { executions, ofFact } = begun(history.facts, below, windowMs);
  const surplus = executions.length - (RETAINED + 1);
  if (surplus <= 0) return history;
  let { folded } = history;
  for (const [index, facts] of executions.slice(0, surplus).entries()) {
    const frozenAt = executions[index + RETAINED + 1]?.[0]?.offset ?? below;
    folded = close(folded, stateBelow(facts, frozenAt), windowMs);
  }
  const closed = new Set(executions.slice(0, surplus));
  const isOpen = (fact: Fact) => {
    const execution = ofFact.get(fact);
    return execution === undefined || !closed.has(execution);
  };
  return { folded, facts: history.facts.filter(isOpen) };
}

/**
 * Executions that began below an offset, in that order, each with its facts; and of which execution each fact is, later ones too. What is said
 * of an execution more than a window after it began is taken for another one's, as where its beginning is no longer known.
 */
function begun(facts: readonly Fact[], below: number, windowMs: number) {
  const executions: PhaseFact[][] = [];
  const latest = new Map<string, PhaseFact[]>();
  const ofFact = new Map<Fact, PhaseFact[]>();
  for (const fact of facts) {
    if (fact.kind !== 'phase') continue;
    const known = latest.get(fact.call.executionId);
    const began = known?.[0];
    const isOfIt = known !== undefined && began !== undefined && fact.logTime - began.logTime <= windowMs;
    if (!isOfIt && fact.offset >= below) continue;
    const execution: PhaseFact[] = isOfIt ? known : [];
    execution.push(fact);
    ofFact.set(fact, execution);
    if (isOfIt) continue;
    executions.push(execution);
    latest.set(fact.call.executionId, execution);
  }
  return { executions, ofFact };
}

function stateBelow([first, ...rest]: readonly PhaseFact[], offset: number): Execution {
  if (first === undefined) throw new Error('An execution without facts.');
  const begun: Execution = { executionId: first.call.executionId, call: first.call, first, latest: first };
  return rest.filter((fact) => fact.offset < offset).reduce(merge, begun);
}

function close(folded: FoldedExecutions | undefined, execution: Execution, windowMs: number): FoldedExecutions {
  const closedThrough = execution.first.offset;
  const { groups, approvals } = folded ?? { groups: [], approvals: [] };
  // The ledger answered: no execution.
  if (execution.latest.phase === 'replayed') return { closedThrough, groups, approvals };
  const isOfGroup = ({ occurrences }: FoldedGroup) => isSameList(occurrences, execution.call.occurrences);
  const group = added(groups.find(isOfGroup), execution, windowMs);
  return {
    closedThrough,
    groups: [...groups.filter((other) => !isOfGroup(other)), group].slice(-GROUPS),
    approvals: approvalsWith(approvals, { approvals: execution.call.approvals, bucket: bucketOf(execution, windowMs) }),
  };
}

function added(group: FoldedGroup | undefined, execution: Execution, windowMs: number): FoldedGroup {
  const lastEffective = isEffective(execution) ? execution : (group?.lastEffective ?? null);
  const bucket = bucketOf(execution, windowMs);
  const counts = (group?.counts ?? []).filter(([other]) => other >= bucket - BUCKETS);
  const inBucket = counts.at(-1)?.[0] === bucket ? (counts.pop()?.[1] ?? 0) : 0;
  const isFirstGone = group === undefined || bucketOf(group.first, windowMs) < bucket - BUCKETS;
  return {
    occurrences: execution.call.occurrences,
    counts: [...counts, [bucket, inBucket + 1]],
    first: isFirstGone ? execution : group.first,
    last: execution,
    lastEffective,
    runs: runsWith(group?.runs ?? [], execution),
  };
}

function runsWith(runs: readonly FoldedRun[], execution: Execution): readonly FoldedRun[] {
  const { runId } = execution.call;
  const run = runs.find((other) => other.runId === runId);
  const lastEffective = isEffective(execution) ? execution : (run?.lastEffective ?? null);
  const next = { runId, count: (run?.count ?? 0) + 1, last: execution, lastEffective, streak: streakWith(run?.streak ?? null, execution) };
  return [...runs.filter((other) => other !== run), next].slice(-RUNS);
}

function streakWith(streak: Streak | null, { latest }: Execution): Streak | null {
  if (latest.phase === 'started') return streak;
  if (latest.results.length === 0) return null;
  const { offset, results } = latest;
  if (streak === null || compareDigests(results, streak.results) !== 'same') return { count: 1, results, since: offset, until: offset };
  return {
    count: streak.count + 1,
    results: [...new Set([...results, ...streak.results])].slice(0, STREAK_RESULTS),
    since: Math.min(streak.since, offset),
    until: Math.max(streak.until, offset),
  };
}

function approvalsWith(all: readonly FoldedApproval[], next: FoldedApproval): readonly FoldedApproval[] {
  if (next.approvals.length === 0) return all;
  return [...all.filter((other) => !isSameList(other.approvals, next.approvals)), next].slice(-APPROVALS);
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index]);
}

function bucketOf({ first }: Execution, windowMs: number): number {
  return Math.floor(first.logTime / (windowMs / BUCKETS));
}

/** Closed executions as a viewpoint sees them. */
export interface ClosedExecutions {
  readonly groups: readonly ClosedGroup[];
  readonly approvals: readonly (readonly string[])[];
}

/** Those of one occurrence: counted, and a few of them remembered. */
export interface ClosedGroup {
  readonly occurrences: readonly string[];
  readonly count: number;
  readonly runs: readonly FoldedRun[];
  /** First, last, last effective, and of each run the last effective one: each once, by position. */
  readonly remembered: readonly Execution[];
}

export const NONE_CLOSED: ClosedExecutions = Object.freeze({ groups: [], approvals: [] });

/** What of them has not left the window, bucket by bucket. */
export function closedIn(folded: FoldedExecutions, logTime: number, windowMs: number): ClosedExecutions {
  const oldest = Math.floor((logTime - windowMs) / (windowMs / BUCKETS));
  const isIn = (execution: Execution) => bucketOf(execution, windowMs) >= oldest;
  const groups = folded.groups.flatMap((group): readonly ClosedGroup[] => {
    const count = group.counts.reduce((sum, [bucket, n]) => (bucket >= oldest ? sum + n : sum), 0);
    if (count === 0) return [];
    const candidates = [group.first, group.last, group.lastEffective, ...group.runs.map((run) => run.lastEffective)];
    const remembered = new Map(candidates.flatMap((each) => (each !== null && isIn(each) ? [[each.executionId, each] as const] : [])));
    return [
      {
        occurrences: group.occurrences,
        count,
        runs: group.runs.filter((run) => isIn(run.last)),
        remembered: [...remembered.values()].sort((a, b) => a.first.offset - b.first.offset),
      },
    ];
  });
  return { groups, approvals: folded.approvals.flatMap(({ approvals, bucket }) => (bucket >= oldest ? [approvals] : [])) };
}

/** Executions that a fold names: what a store must keep of the closed ones. */
export function rememberedIn({ groups }: FoldedExecutions): readonly Execution[] {
  const all = groups.flatMap((group) => [
    group.first,
    group.last,
    group.lastEffective,
    ...group.runs.flatMap((run) => [run.last, run.lastEffective]),
  ]);
  return all.filter((execution) => execution !== null);
}

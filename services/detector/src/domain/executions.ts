/** Executions as the histories show them at one position. */
import { type ClosedExecutions, closedIn, fold, type History, NONE_CLOSED } from './fold.ts';
import { type Execution, isVisible, merge, type Viewpoint } from './history.ts';

/** Facts of a workflow by history, as the window store answered them: at any position, in order of offset. */
export interface FactLookup {
  history(key: string): History;
}

export interface SeenExecutions {
  /** By position; each once, however many histories and phases it has. */
  readonly open: readonly Execution[];
  readonly closed: ClosedExecutions;
}

/** The executions in these histories as seen from a viewpoint. */
export function executionsIn(facts: FactLookup, keys: readonly string[], from: Viewpoint): SeenExecutions {
  const executions = new Map<string, Execution>();
  const closed: ClosedExecutions[] = [];
  for (const key of keys) {
    const history = fold(facts.history(key), from.offset + 1, from.windowMs);
    if (history.folded !== undefined) closed.push(closedIn(history.folded, from.logTime, from.windowMs));
    for (const fact of history.facts) {
      if (fact.kind !== 'phase' || !isVisible(fact, from)) continue;
      const { call } = fact;
      const known = executions.get(call.executionId);
      const next = known === undefined ? { executionId: call.executionId, call, first: fact, latest: fact } : merge(known, fact);
      executions.set(call.executionId, next);
    }
  }
  const open = [...executions.values()]
    .filter((execution) => execution.latest.phase !== 'replayed')
    .sort((a, b) => a.first.offset - b.first.offset);
  return { open, closed: joined(closed, executions) };
}

/** Histories of one input under two keys hold the same executions: only the fuller one's are counted, and what is open in one is open. */
function joined(all: readonly ClosedExecutions[], open: ReadonlyMap<string, unknown>): ClosedExecutions {
  const [only] = all;
  if (only === undefined) return NONE_CLOSED;
  if (all.length === 1) return only;
  const countIn = ({ groups }: ClosedExecutions) => groups.reduce((sum, { count }) => sum + count, 0);
  const fullest = all.reduce((a, b) => (countIn(b) > countIn(a) ? b : a));
  const named = new Set(open.keys());
  const groups = [fullest, ...all.filter((other) => other !== fullest)].flatMap((closed) =>
    closed.groups.map((group) => {
      const remembered = group.remembered.filter(({ executionId }) => !named.has(executionId));
      for (const { executionId } of remembered) named.add(executionId);
      return closed === fullest ? { ...group, remembered } : { ...group, remembered, count: 0, runs: [] };
    }),
  );
  return { groups, approvals: all.flatMap(({ approvals }) => approvals) };
}

/** Executions as the facts of a history show them at one position (W2: later facts are not looked at). */
import type { CallFact, Fact, PhaseFact } from './fact.ts';

/** Facts of a workflow by history, as the window store answered them: at any position, in order of offset. */
export interface FactLookup {
  history(key: string): readonly Fact[];
}

/** From where a verdict looks back: facts at this offset or below, at most a window older than this log time. */
export interface Viewpoint {
  readonly offset: number;
  readonly logTime: number;
  readonly windowMs: number;
}

/** What an execution is known to have come to. `started` counts as unknown; `compensated` as failed; `replayed` is no execution. */
export interface Execution {
  readonly executionId: string;
  readonly call: CallFact;
  /** Its first seen phase: the execution's position. */
  readonly first: PhaseFact;
  /** Its latest outcome, or its first phase where it has none. */
  readonly latest: PhaseFact;
}

export function isVisible(fact: Fact, from: Viewpoint): boolean {
  if (fact.offset > from.offset) return false;
  const age = from.logTime - fact.logTime;
  return age >= 0 && age <= from.windowMs;
}

/** The executions in these histories as seen from a viewpoint, by position; each once, however many histories and phases it has. */
export function executionsIn(facts: FactLookup, keys: readonly string[], from: Viewpoint): readonly Execution[] {
  const executions = new Map<string, Execution>();
  for (const key of keys) {
    for (const fact of facts.history(key)) {
      if (fact.kind !== 'phase' || !isVisible(fact, from)) continue;
      const { call } = fact;
      const known = executions.get(call.executionId);
      const next = known === undefined ? { executionId: call.executionId, call, first: fact, latest: fact } : merge(known, fact);
      executions.set(call.executionId, next);
    }
  }
  return [...executions.values()]
    .filter((execution) => execution.latest.phase !== 'replayed')
    .sort((a, b) => a.first.offset - b.first.offset);
}

function merge(known: Execution, fact: PhaseFact): Execution {
  const first = fact.offset < known.first.offset ? fact : known.first;
  const isLater = known.latest.phase === 'started' || (fact.phase !== 'started' && fact.offset > known.latest.offset);
  return { executionId: known.executionId, call: first.call, first, latest: isLater ? fact : known.latest };
}

/** It succeeded, or may have: a second one would be a second effect. */
export function isEffective(execution: Execution): boolean {
  switch (execution.latest.phase) {
    case 'started':
    case 'succeeded':
    case 'unknown':
    case 'unspecified':
      return true;
    case 'failed':
    case 'compensated':
    case 'replayed':
      return false;
  }
}

/** What the facts of one execution come to at one position (W2: later facts are not looked at). */
import type { CallFact, Fact, PhaseFact } from './fact.ts';

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

/** An execution with one more of its facts, in whichever order they come. */
export function merge(known: Execution, fact: PhaseFact): Execution {
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

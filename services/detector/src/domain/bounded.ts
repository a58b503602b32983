/** How long a history may become: folded by what it is asked. Every window store bounds its histories by this. */
import { historyKindOf } from './fact.ts';
import { fold, type History, RETAINED } from './fold.ts';
import { latestOf, latestSuccesses } from './successes.ts';

/** Facts that a history may have before it is worth while: two phases of twice what folding leaves open, or a few where it leaves few. */
const MOST_FACTS = { executions: 4 * RETAINED, successes: RETAINED, existence: RETAINED };

export function isBounded(key: string, facts: number): boolean {
  return facts <= MOST_FACTS[historyKindOf(key)];
}

/** The history with what is below an offset folded: it answers all that is asked of it at that offset or above as it did before. */
export function boundedHistory(key: string, history: History, below: number, windowMs: number): History {
  switch (historyKindOf(key)) {
    case 'executions':
      return fold(history, below, windowMs);
    case 'successes':
      return { folded: undefined, facts: latestSuccesses(history.facts, below) };
    case 'existence':
      return { folded: undefined, facts: latestOf(history.facts, below) };
  }
}

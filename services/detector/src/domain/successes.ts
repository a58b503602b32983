/** What a run's successes come to: for each of the latest things that succeeded the latest time. */
import type { Fact } from './fact.ts';

/** Effects with their inputs that are remembered: those of a rotation's keys look like two or three. */
const REMEMBERED = 4;

/**
 * Of the successes below an offset the latest of each effect and input, of the latest few of these; all at or above it. Whether something else
 * succeeded since, which is all that is asked of them, they say as the whole does; what is left of them is left by their positions alone.
 */
export function latestSuccesses(facts: readonly Fact[], below: number): readonly Fact[] {
  const seen = new Set<string>();
  return facts
    .toReversed()
    .filter((fact) => {
      if (fact.offset >= below || fact.kind !== 'phase') return true;
      const what = JSON.stringify([fact.call.effectName, fact.call.inputs]);
      if (seen.has(what) || seen.size === REMEMBERED) return false;
      seen.add(what);
      return true;
    })
    .toReversed();
}

/** Of facts that are only asked whether there is an earlier one: the latest below an offset, and all at or above it. */
export function latestOf(facts: readonly Fact[], below: number): readonly Fact[] {
  const latest = facts.findLastIndex(({ offset }) => offset < below);
  return latest <= 0 ? facts : facts.slice(latest);
}

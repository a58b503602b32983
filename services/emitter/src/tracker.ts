import { chainCalls } from '@idemtrace/identity';

/** Counts of most this many inputs are kept for a run; the oldest give way. */
const REMEMBERED_INPUTS = 2048;

/** What an emitter remembers of the calls of one run, to say in each event what came before. */
export class RunTracker {
  readonly #counts = new Map<string, number>();
  #preceding: string | null = null;

  /**
   * Takes note of the next call. `executionCount` counts it too, and is 1 for an input without hash; `precedingCalls` is the digest of the
   * calls before it, null for the first.
   */
  advance(effectName: string, inputHash: string | undefined): { readonly executionCount: number; readonly precedingCalls: string | null } {
    const precedingCalls = this.#preceding;
    this.#preceding = chainCalls(precedingCalls, effectName, inputHash ?? '');
    return { executionCount: inputHash === undefined ? 1 : this.#count(`${inputHash} ${effectName}`), precedingCalls };
  }

  #count(key: string): number {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.delete(key);
    const oldest = this.#counts.size >= REMEMBERED_INPUTS ? this.#counts.keys().next() : undefined;
    if (oldest !== undefined && !oldest.done) this.#counts.delete(oldest.value);
    this.#counts.set(key, count);
    return count;
  }
}

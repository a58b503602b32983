import type { TenantIdentity } from '@idemtrace/identity';
import type { KeyedDigest } from '@idemtrace/schemas';

/** Counts of most this many inputs are kept for a run; the oldest give way. */
const REMEMBERED_INPUTS = 2048;

/** What an emitter remembers of the calls of one run, to say in each event what came before. */
export class RunTracker {
  readonly #counts = new Map<string, number>();
  #preceding: readonly KeyedDigest[] = [];

  /**
   * Takes note of the next call. `executionCount` counts it too, and is 1 for an input without hash; `precedingCalls` are the digests of
   * the calls before it, none for the first.
   */
  advance(
    identity: TenantIdentity,
    effectName: string,
    inputHashes: readonly KeyedDigest[],
  ): { readonly executionCount: number; readonly precedingCalls: readonly KeyedDigest[] } {
    const precedingCalls = this.#preceding;
    this.#preceding = identity.chainCalls(precedingCalls, effectName, inputHashes);
    const inputHash = inputHashes[0]?.digest;
    return { executionCount: inputHash === undefined ? 1 : this.#count(`${inputHash} ${effectName}`), precedingCalls };
  }

  #count(key: string): number {
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.delete(key);
    for (const oldest of this.#counts.keys()) {
      if (this.#counts.size < REMEMBERED_INPUTS) break;
      this.#counts.delete(oldest);
    }
    this.#counts.set(key, count);
    return count;
  }
}

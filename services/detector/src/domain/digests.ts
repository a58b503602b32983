/** Comparing what two events say in keyed digests, across a change of the tenant's hash key. */

export type Likeness = 'same' | 'different' | 'incomparable';

/**
 * Compares two lists of `hashKeyId:digest`, each of one thing: one digest or, while the key is being rotated, two; none where nothing is said.
 *
 * - `same`: neither says anything, or they share a digest;
 * - `different`: one says something and the other does not, or a key id is in common and no digest is;
 * - `incomparable`: both say something, under no key id in common. Nobody can tell.
 *
 * A rotation goes {k1}, {k2, k1} for a window, {k2}: neighbours share a key id, and the ends are a window apart. Where it was cut short, the
 * ends meet, and what is incomparable proves nothing, neither for the agent nor against it:
 *
 * | compared | what it decides | incomparable |
 * |---|---|---|
 * | inputs | which executions are repeats | not found by each other's history; met through a third: neither repeat nor divergent, info at most |
 * | occurrences | whether a repeat was meant | no repeat that counts; with no other one beside it: info |
 * | approvals | whether an approval is fresh | not shown to be fresh: lets nothing through |
 * | downstream keys | `protected` | not shown to be one key: not protected |
 * | preceding calls | `run_retry` or `replan` | not shown to be one plan: `replan`, unless the steps say otherwise |
 * | results | whether a loop goes on | not shown to be the same: the loop starts anew |
 * | inputs of other successes | whether a loop made progress | no progress shown: the loop goes on |
 *
 * Each of them but preceding calls, which decide a word alone, is counted in the evidence as `incomparable`.
 */
export function compareDigests(a: readonly string[], b: readonly string[]): Likeness {
  if (a.length === 0 || b.length === 0) return a.length === b.length ? 'same' : 'different';
  if (sharesDigest(a, b)) return 'same';
  return a.some((digest) => b.some((other) => keyIdOf(digest) === keyIdOf(other))) ? 'different' : 'incomparable';
}

/** As `compareDigests`, of two inputs: one without a hash is not shown to be the same as, or another than, any. */
export function compareInputs(a: readonly string[], b: readonly string[]): Likeness {
  return a.length === 0 || b.length === 0 ? 'incomparable' : compareDigests(a, b);
}

/** Both say something, and it is the same. */
export function sharesDigest(a: readonly string[], b: readonly string[]): boolean {
  return a.some((digest) => b.includes(digest));
}

function keyIdOf(keyed: string): string {
  return keyed.slice(0, keyed.lastIndexOf(':'));
}

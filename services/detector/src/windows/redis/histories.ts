/** The histories of a fact, as pages know them: by anchors. */
import { type Fact, historyKey, historyKindOf } from '../../domain/fact.ts';
import { ANCHOR_BYTES, ANCHOR_CHARS, hashOf } from './layout.ts';

export type AnchoredHistory = { readonly key: string; readonly anchor: Buffer } & (
  | {
      readonly kind: 'executions';
      /** Which of a call's lists of digests the history's digest is of. */
      readonly list: 'inputs' | 'effectKeys';
      readonly effectName: string;
      /** Whole, as `hashKeyId:digest`. */
      readonly digest: string;
    }
  | { readonly kind: 'successes'; readonly runId: string }
  | { readonly kind: 'existence' }
);

/** @param keys the histories that the fact is kept in, by name */
export function anchoredHistories(fact: Fact, keys: readonly string[]): readonly AnchoredHistory[] {
  const known = new Map<string, AnchoredHistory>();
  if (fact.kind === 'phase') {
    const { effectName, inputs, effectKeys, runId } = fact.call;
    for (const digest of inputs) {
      const key = historyKey.input(effectName, digest);
      known.set(key, { key, anchor: anchorOf(digest), kind: 'executions', list: 'inputs', effectName, digest });
    }
    for (const digest of effectKeys) {
      const key = historyKey.effect(effectName, digest);
      known.set(key, { key, anchor: anchorOf(digest), kind: 'executions', list: 'effectKeys', effectName, digest });
    }
    const successes = historyKey.successes(runId);
    if (keys.includes(successes)) known.set(successes, successesOf(runId));
  }
  return keys.map((key) => {
    const history = known.get(key);
    if (history !== undefined) return history;
    if (historyKindOf(key) === 'existence') return { key, anchor: hashOf(key, ANCHOR_BYTES), kind: 'existence' };
    throw new Error('A fact of a history that does not follow from it.');
  });
}

export function successesOf(runId: string): AnchoredHistory {
  const key = historyKey.successes(runId);
  return { key, anchor: hashOf(key, ANCHOR_BYTES), kind: 'successes', runId };
}

/** The first bytes of a `hashKeyId:digest`'s digest. */
export function anchorOf(keyed: string): Buffer {
  const at = keyed.lastIndexOf(':') + 1;
  return Buffer.from(keyed.slice(at, at + ANCHOR_CHARS), 'base64url');
}

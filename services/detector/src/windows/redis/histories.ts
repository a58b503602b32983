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

/** A history of a fact, by its name. */
export function anchoredHistory(fact: Fact, key: string): AnchoredHistory {
  if (historyKindOf(key) === 'existence') return { key, anchor: hashOf(key, ANCHOR_BYTES), kind: 'existence' };
  if (fact.kind === 'phase') {
    const { effectName, inputs, effectKeys, runId } = fact.call;
    const input = inputs.find((digest) => historyKey.input(effectName, digest) === key);
    if (input !== undefined) return { key, anchor: anchorOf(input), kind: 'executions', list: 'inputs', effectName, digest: input };
    const effect = effectKeys.find((digest) => historyKey.effect(effectName, digest) === key);
    if (effect !== undefined) return { key, anchor: anchorOf(effect), kind: 'executions', list: 'effectKeys', effectName, digest: effect };
    if (key === historyKey.successes(runId)) return successesOf(runId);
  }
  throw new Error('A history that does not follow from its fact.');
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

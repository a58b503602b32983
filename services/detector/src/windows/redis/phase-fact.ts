/** From items of a page to facts. */
import type { CallFact, PhaseFact } from '../../domain/fact.ts';
import type { AnchoredHistory } from './histories.ts';
import {
  ANCHOR_BYTES,
  ANCHOR_CHARS,
  DIGEST_BYTES,
  EFFECT_CLASS_SOURCES,
  EFFECT_CLASSES,
  HAS_EXISTENCE,
  MARK_BYTES,
  MARKED,
  NAMED,
  OTHER_KEY,
  POSITION_BYTES,
  TEXT_MARK_BYTES,
  uuidOf,
} from './layout.ts';
import { type CallItem, effectNameOf, type PhaseItem, textAt } from './page.ts';

/**
 * A phase as a fact of a history. Digests are whole in the list that the history goes by; elsewhere they are as many of their first characters
 * as are kept, which is as good for comparing what comes of one history.
 *
 * @param calls of this history: made once for all their phases
 */
export function phaseFactOf(item: PhaseItem, history: AnchoredHistory, calls = new Map<CallItem, CallFact>()): PhaseFact {
  const { call, phase, offset, logTime, contentDigest } = item;
  const fact = calls.get(call) ?? callFactOf(call, history);
  calls.set(call, fact);
  const id = `${fact.executionId}/${phase}`;
  return { kind: 'phase', id, offset, logTime, contentDigest, phase, results: resultsOf(item), call: fact };
}

function callFactOf(item: CallItem, history: AnchoredHistory): CallFact {
  const { bytes, shape, run } = item;
  const [tool, , effectClass, source, deadlineMs, agentId, hasToolCall, digits, ...keyIds] = shape;
  const lists = digits.split(',').map((list) => [...list].map((digit) => Number.parseInt(digit, 36)));
  let at = 20 + ANCHOR_BYTES * ((bytes[19] ?? 0) & ~HAS_EXISTENCE) + 2 * TEXT_MARK_BYTES;
  let stepIndex = 0;
  for (let scale = 1; ; scale *= 0x80) {
    const byte = bytes[at++] ?? 0;
    stepIndex += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  const take = (length: number, chars: number) => {
    at += length;
    return bytes.toString('base64url', at - length, at).slice(0, chars);
  };
  const toolCallId = hasToolCall === 0 ? null : take(MARK_BYTES, 8);
  const keyed = (key: number, digest: string) => `${keyIds[key]}:${digest}`;
  let anchor = 0;
  const named = NAMED.map((list, index) => {
    const keys = lists[index] ?? [];
    const isAsked = history.kind === 'executions' && history.list === list;
    return keys.map((key) => {
      const digest = item.anchors[anchor++]?.toString('base64url') ?? '';
      const whole = keys.length > 1 ? take(DIGEST_BYTES, 43) : undefined;
      if (!isAsked) return keyed(key, digest.slice(0, ANCHOR_CHARS));
      return whole === undefined ? history.digest : keyed(key, whole);
    });
  });
  const marked = MARKED.map((_, index) => (lists[NAMED.length + index] ?? []).map((key) => keyed(key, take(MARK_BYTES, 8))));
  const [inputs = [], effectKeys = []] = named;
  const [occurrences = [], approvals = [], downstreamKeys = [], precedingCalls = []] = marked;
  return {
    executionId: uuidOf(item.executionId),
    runId: run[0],
    attempt: run[1],
    parentRunId: run[2] ?? null,
    agentId: agentId === 0 ? null : agentId,
    stepIndex,
    toolCallId,
    tool,
    effectName: effectNameOf(item),
    effectClass: EFFECT_CLASSES[effectClass] ?? 'unspecified',
    effectClassSource: EFFECT_CLASS_SOURCES[source] ?? 'unspecified',
    inputs,
    effectKeys,
    occurrences,
    approvals,
    downstreamKeys,
    precedingCalls,
    deadlineMs: deadlineMs < 0 ? null : deadlineMs,
  };
}

function resultsOf({ bytes, call, texts }: PhaseItem): readonly string[] {
  const results: string[] = [];
  for (let at = 5 + POSITION_BYTES; at < bytes.length; at += MARK_BYTES) {
    const key = bytes[at++] ?? 0;
    if (key === OTHER_KEY) at += TEXT_MARK_BYTES;
    const id = key === OTHER_KEY ? textAt(bytes, at - TEXT_MARK_BYTES, texts) : call.shape[8 + key];
    results.push(`${id}:${bytes.toString('base64url', at, at + MARK_BYTES)}`);
  }
  return results;
}

/** From facts to items of a page. */
import { createHash } from 'node:crypto';
import type { CallFact, Fact, PhaseFact } from '../../domain/fact.ts';
import { type AnchoredHistory, anchorOf } from './histories.ts';
import {
  ANCHOR_BYTES,
  DIGEST_BYTES,
  EFFECT_CLASS_SOURCES,
  EFFECT_CLASSES,
  HAS_EXISTENCE,
  hashOf,
  ITEM,
  MARK_BYTES,
  MARK_CHARS,
  OTHER_KEY,
  PHASE_CODES,
  POSITION_BYTES,
  type Shape,
  TEXT_MARK_BYTES,
  uuidBytes,
  writePosition,
} from './layout.ts';

/** A fact's items. `phase` is a phase without the place of its call, or an event. */
export interface EncodedFact {
  readonly texts: readonly Buffer[];
  /** Empty for an event. */
  readonly call: Buffer;
  readonly phase: Buffer;
  /** Of the run's successes, where the fact is one: no item names it, and a page that is split goes by it. */
  readonly successes: Buffer;
}

const NOTHING = Buffer.alloc(0);

export function encodeFact(fact: Fact, histories: readonly AnchoredHistory[]): EncodedFact {
  if (fact.kind !== 'phase') return { texts: [], call: NOTHING, phase: encodeEvent(fact, histories), successes: NOTHING };
  const shape = shapeOf(fact.call);
  const run = textItem(JSON.stringify(runOf(fact.call)));
  const shapeText = textItem(JSON.stringify(shape.text));
  const results = encodeResults(fact, shape.keyIds);
  return {
    texts: [run, shapeText, ...results.texts],
    call: encodeCall(fact.call, histories, markOfText(shapeText), markOfText(run)),
    phase: encodePhase(fact, results.bytes),
    successes: histories.find(({ kind }) => kind === 'successes')?.anchor ?? NOTHING,
  };
}

const texts = new Map<string, Buffer>();
const MOST_TEXTS = 10_000;

/** The same few texts come again and again. */
function textItem(json: string): Buffer {
  const known = texts.get(json);
  if (known !== undefined) return known;
  const body = Buffer.from(json);
  const item = Buffer.allocUnsafe(3 + TEXT_MARK_BYTES + body.length);
  item[0] = ITEM.text;
  item.writeUInt16BE(item.length - 3, 1);
  hashOf(json, TEXT_MARK_BYTES).copy(item, 3);
  body.copy(item, 3 + TEXT_MARK_BYTES);
  if (texts.size >= MOST_TEXTS) texts.clear();
  texts.set(json, item);
  return item;
}

function markOfText(item: Buffer): Buffer {
  return item.subarray(3, 3 + TEXT_MARK_BYTES);
}

/** `[runId, attempt, parentRunId]`. */
function runOf({ runId, attempt, parentRunId }: CallFact): readonly unknown[] {
  return parentRunId === null ? [runId, attempt] : [runId, attempt, parentRunId];
}

/** Lists of digests that are in a call as marks, in the order in which they are written. */
export const MARKED = ['occurrences', 'approvals', 'downstreamKeys', 'precedingCalls'] as const;
export const NAMED = ['inputs', 'effectKeys'] as const;

/**
 * What many calls have alike: tool, effect name if it is another one, class and its source (by code), deadline, agent, whether there is a tool
 * call id, ids of keys, and under which of them the digests of each list are.
 */
function shapeOf(call: CallFact): { readonly text: Shape; readonly keyIds: readonly string[] } {
  const keyIds: string[] = [];
  const keyOf = (digest: string) => {
    const id = digest.slice(0, digest.lastIndexOf(':'));
    const at = keyIds.indexOf(id);
    return (at === -1 ? keyIds.push(id) - 1 : at).toString(36);
  };
  const lists = [...NAMED, ...MARKED].map((list) => call[list].map(keyOf).join('')).join();
  const { tool, effectName, effectClass, effectClassSource, deadlineMs, agentId, toolCallId } = call;
  const name = effectName === tool ? 0 : effectName;
  const codes = [EFFECT_CLASSES.indexOf(effectClass), EFFECT_CLASS_SOURCES.indexOf(effectClassSource)] as const;
  return { text: [tool, name, ...codes, deadlineMs ?? -1, agentId ?? 0, toolCallId === null ? 0 : 1, lists, ...keyIds], keyIds };
}

function encodeCall(call: CallFact, histories: readonly AnchoredHistory[], shape: Buffer, run: Buffer): Buffer {
  const existence = histories.filter(({ kind }) => kind === 'existence').map(({ anchor }) => anchor);
  const anchors = [...NAMED.flatMap((list) => call[list].map(anchorOf)), ...existence];
  const step = varint(call.stepIndex);
  const toolCall = call.toolCallId === null ? NOTHING : hashOf(call.toolCallId, MARK_BYTES);
  // Of one digest the anchor is enough: whoever asks for its history knows the rest.
  const whole = NAMED.flatMap((list) => (call[list].length > 1 ? call[list].map(wholeOf) : []));
  const marks = MARKED.flatMap((list) => call[list].map(markOf));
  const body = Buffer.concat([
    uuidBytes(call.executionId),
    Buffer.of(anchors.length | (existence.length > 0 ? HAS_EXISTENCE : 0)),
    ...anchors,
    shape,
    run,
    step,
    toolCall,
    ...whole,
    ...marks,
  ]);
  return framed(ITEM.call, body);
}

function encodePhase(fact: PhaseFact, results: Buffer): Buffer {
  const item = Buffer.allocUnsafe(1 + POSITION_BYTES + results.length);
  item[0] = ITEM.phase + PHASE_CODES[fact.phase];
  writePosition(item, 1, fact);
  results.copy(item, 1 + POSITION_BYTES);
  return item;
}

function encodeResults({ results }: PhaseFact, keyIds: readonly string[]): { readonly bytes: Buffer; readonly texts: readonly Buffer[] } {
  const parts: Buffer[] = [Buffer.of(results.length)];
  const added: Buffer[] = [];
  for (const keyed of results) {
    const id = keyed.slice(0, keyed.lastIndexOf(':'));
    const at = keyIds.indexOf(id);
    if (at === -1) {
      const text = textItem(JSON.stringify(id));
      added.push(text);
      parts.push(Buffer.of(OTHER_KEY), markOfText(text), markOf(keyed));
    } else parts.push(Buffer.of(at), markOf(keyed));
  }
  return { bytes: Buffer.concat(parts), texts: added };
}

function encodeEvent(fact: Exclude<Fact, PhaseFact>, histories: readonly AnchoredHistory[]): Buffer {
  const anchors = histories.map(({ anchor }) => anchor);
  const body = Buffer.alloc(ANCHOR_BYTES + 1 + ANCHOR_BYTES * anchors.length + POSITION_BYTES);
  hashOf(fact.id, ANCHOR_BYTES).copy(body);
  body[ANCHOR_BYTES] = anchors.length;
  for (const [index, anchor] of anchors.entries()) anchor.copy(body, ANCHOR_BYTES + 1 + ANCHOR_BYTES * index);
  writePosition(body, body.length - POSITION_BYTES, fact);
  return framed(ITEM.event, body);
}

export function framed(kind: number, body: Buffer): Buffer {
  const item = Buffer.allocUnsafe(3 + body.length);
  item[0] = kind;
  item.writeUInt16BE(body.length, 1);
  body.copy(item, 3);
  return item;
}

function markOf(keyed: string): Buffer {
  const at = keyed.lastIndexOf(':') + 1;
  return Buffer.from(keyed.slice(at, at + MARK_CHARS), 'base64url');
}

function wholeOf(keyed: string): Buffer {
  const bytes = Buffer.alloc(DIGEST_BYTES);
  Buffer.from(`${keyed.slice(keyed.lastIndexOf(':') + 1)}A`, 'base64url').copy(bytes);
  return bytes;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left > 0x7f) {
    bytes.push((left % 0x80) | 0x80);
    left = Math.floor(left / 0x80);
  }
  return Buffer.from([...bytes, left]);
}

/** Name of a workflow's page: its key may be long. */
export function pageNameOf(workflow: string): string {
  return createHash('sha256').update(workflow).digest('base64url').slice(0, 16);
}

/** Making a page small again: what has left the window goes, long histories are folded, and what is still large is split. */
import { createHash } from 'node:crypto';
import { boundedHistory, isBounded } from '../../domain/bounded.ts';
import { historyKey } from '../../domain/fact.ts';
import { closedIn, type History, RETAINED, rememberedIn } from '../../domain/fold.ts';
import { latestSuccesses } from '../../domain/successes.ts';
import { writeFold } from './fold-item.ts';
import { type AnchoredHistory, successesOf } from './histories.ts';
import {
  FORM,
  framed,
  HEADER_BYTES,
  ITEM,
  NAMED,
  PHASE_CODES,
  POSITION_BYTES,
  pathOfAnchor,
  pathOfExecution,
  TEXT_MARK_BYTES,
  writePosition,
} from './layout.ts';
import type { Delivery, Leaf } from './leaf.ts';
import { type CallItem, type EventItem, effectNameOf, inputsOf, type PhaseItem } from './page.ts';
import { phaseFactOf } from './phase-fact.ts';

/** Below this much of what it was, a page is worth writing anew. */
const WORTH_WHILE = 0.9;
/** Splitting must halve the largest part at least: a single history cannot be split. */
const SPLITS = 0.5;
const DEEPEST = 12;

export interface Bounds {
  /** Nothing at or above this offset is folded: the committed offset. */
  readonly below: number;
  /** Log time that no later record looks back beyond. */
  readonly oldest: number;
  readonly windowMs: number;
  /** A page that is larger is folded, or split. */
  readonly pageBytes: number;
}

/** Put in the place of a page if that is what it was: pages by the name of the first one with a path behind it. */
export interface Rewrite {
  readonly expected: string;
  readonly pages: readonly { readonly path: string; readonly content: Buffer }[];
}

/** Undefined where the page is as small as it gets. */
export function compact(leaf: Leaf, bounds: Bounds): Rewrite | undefined {
  const expected = createHash('sha1').update(leaf.items).digest('hex');
  const { path, items } = leaf;
  const whole = kept(leaf, path, bounds);
  if (whole.length > bounds.pageBytes / 2 && path.length < DEEPEST) {
    const parts = [...'0123456789abcdef'].map((digit) => ({ path: path + digit, items: kept(leaf, path + digit, bounds) }));
    if (parts.every((part) => part.items.length < whole.length * SPLITS)) {
      const filled = parts.filter((part) => part.items.length > 0).map((part) => ({ path: part.path, content: contentOf(part.items) }));
      return { expected, pages: [...filled, { path, content: Buffer.of(FORM.split) }] };
    }
  }
  if (whole.length > items.length * WORTH_WHILE) return undefined;
  return { expected, pages: [{ path, content: contentOf(whole) }] };
}

function contentOf(items: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = FORM.leaf;
  header.writeUIntBE(items.length, 1, 3);
  return Buffer.concat([header, items]);
}

/** Items of what belongs under a path. */
function kept(leaf: Leaf, path: string, bounds: Bounds): Buffer {
  const { page } = leaf;
  const phases = new Set<PhaseItem>();
  const folds: Buffer[] = [];
  const isHere = (anchor: Buffer) => pathOfAnchor(anchor).startsWith(path);
  for (const history of executionHistories(page.phases)) {
    if (!isHere(history.anchor)) continue;
    const folded = leaf.folded(history);
    const items = leaf.itemsOf(history, folded).filter(({ logTime }) => logTime >= bounds.oldest);
    const before = { folded, facts: items.map((item) => phaseFactOf(item, history)) };
    const after = isBounded(history.key, items.length) ? before : boundedHistory(history.key, before, bounds.below, bounds.windowMs);
    const offsets = new Set(after.facts.map(({ offset }) => offset));
    for (const item of items) if (offsets.has(item.offset)) phases.add(item);
    if (after.folded === undefined || isOver(after, bounds)) continue;
    folds.push(writeFold(after.folded, history));
    const named = new Set(
      rememberedIn(after.folded).flatMap(({ executionId, first, latest }) => [
        `${executionId} ${first.offset}`,
        `${executionId} ${latest.offset}`,
      ]),
    );
    for (const item of page.phases) if (named.has(`${phaseFactOf(item, history).call.executionId} ${item.offset}`)) phases.add(item);
  }
  for (const item of keptSuccesses(leaf, isHere, bounds)) phases.add(item);
  const events = keptExistence(leaf, isHere, bounds, phases);
  for (const item of leaf.standingEvents()) if (isHere(item.identity) && item.logTime >= bounds.oldest) events.add(item);
  return written(leaf, phases, folds, standingsOf(leaf, path, bounds, phases), events);
}

/** Nothing of it is in the window any more. */
function isOver({ folded, facts }: History, { oldest, windowMs }: Bounds): boolean {
  return facts.length === 0 && folded !== undefined && closedIn(folded, oldest + windowMs, windowMs).groups.length === 0;
}

type ExecutionHistory = Extract<AnchoredHistory, { kind: 'executions' }>;

function executionHistories(phases: readonly PhaseItem[]): Iterable<ExecutionHistory> {
  const found = new Map<string, ExecutionHistory>();
  for (const call of new Set(phases.map((item) => item.call))) {
    const inputs = inputsOf(call);
    for (const [index, anchor] of call.anchors.entries()) {
      const list = index < inputs ? NAMED[0] : NAMED[1];
      const effectName = effectNameOf(call);
      const digest = `:${anchor.toString('base64url')}`;
      const key = list === 'inputs' ? historyKey.input(effectName, digest) : historyKey.effect(effectName, digest);
      found.set(key, { key, anchor, kind: 'executions', list, effectName, digest });
    }
  }
  return found.values();
}

function keptSuccesses(leaf: Leaf, isHere: (anchor: Buffer) => boolean, { below, oldest }: Bounds): readonly PhaseItem[] {
  const byRun = Map.groupBy(
    leaf.standingPhases().filter(({ phase, logTime }) => phase === 'succeeded' && logTime >= oldest),
    ({ call }) => call.run[0],
  );
  return [...byRun].flatMap(([runId, items]) => {
    const history = successesOf(runId);
    if (!isHere(history.anchor)) return [];
    const sorted = items.toSorted((a, b) => a.offset - b.offset);
    const facts = sorted.map((item) => phaseFactOf(item, history));
    const offsets = new Set((isBounded(history.key, facts.length) ? facts : latestSuccesses(facts, below)).map(({ offset }) => offset));
    return sorted.filter(({ offset }) => offsets.has(offset));
  });
}

/** Of what is only asked whether it is there: where that is much, the latest. Phases are added to the phases, events answered. */
function keptExistence(leaf: Leaf, isHere: (anchor: Buffer) => boolean, { below, oldest }: Bounds, phases: Set<PhaseItem>): Set<EventItem> {
  const events = new Set<EventItem>();
  const all = [
    // A second delivery goes with its first: it must not be taken for one when that one has left the window.
    ...leaf.standingPhases().map((item) => ({ item, anchors: item.call.existence === undefined ? [] : [item.call.existence] })),
    ...leaf.standingEvents().map((item) => ({ item, anchors: item.anchors })),
  ].filter(({ item }) => item.logTime >= oldest);
  const byAnchor = Map.groupBy(
    all.flatMap(({ item, anchors }) => anchors.filter(isHere).map((anchor) => ({ item, name: anchor.toString('hex') }))),
    ({ name }) => name,
  );
  for (const group of byAnchor.values()) {
    const sorted = group.map(({ item }) => item).sort((a, b) => a.offset - b.offset);
    const latest = sorted.findLast(({ offset }) => offset < below);
    // A few stay as they are: a second delivery is told by its first, which may be remembered nowhere else under this path.
    const isFew = sorted.length <= RETAINED;
    for (const item of sorted) {
      if (!isFew && item.offset < below && item !== latest) continue;
      if ('call' in item) phases.add(item);
      else events.add(item);
    }
  }
  return events;
}

/**
 * What stays of phases that no history needs: where executions are told by their ids, so that their redeliveries are known; and where something
 * else of theirs stays, so that it is not taken for their beginning.
 */
function standingsOf(leaf: Leaf, path: string, { oldest }: Bounds, kept: ReadonlySet<PhaseItem>): readonly Buffer[] {
  const keptOf = new Set([...kept].map(({ call }) => call.executionId.toString('hex')));
  const byExecution = new Map<string, Buffer[]>();
  const entriesOf = (executionId: Buffer): Buffer[] => {
    const id = executionId.toString('hex');
    if (!keptOf.has(id) && !pathOfExecution(executionId).startsWith(path)) return [];
    const entries = byExecution.get(id) ?? [];
    byExecution.set(id, entries);
    return entries;
  };
  const note = (entries: Buffer[], standing: Delivery) => {
    if (standing.logTime < oldest) return;
    const entry = Buffer.alloc(1 + POSITION_BYTES);
    entry[0] = PHASE_CODES[standing.phase];
    writePosition(entry, 1, standing);
    if (!entries.some((other) => other.equals(entry))) entries.push(entry);
  };
  for (const { executionId } of leaf.page.standings) entriesOf(executionId);
  // A second delivery goes with its first: it must not be taken for one when that one has left the window.
  for (const delivery of leaf.standing()) {
    if (delivery.item === undefined || !kept.has(delivery.item)) note(entriesOf(delivery.executionId), delivery);
  }
  const isFolded = new Set(leaf.page.standings.filter(({ phases }) => phases.length === 0).map((item) => item.executionId.toString('hex')));
  return [...byExecution]
    .filter(([id, entries]) => entries.length > 0 || (keptOf.has(id) && isFolded.has(id)))
    .map(([id, entries]) => framed(ITEM.standing, Buffer.concat([Buffer.from(id, 'hex'), ...entries])));
}

function written(
  { page }: Leaf,
  phases: ReadonlySet<PhaseItem>,
  folds: readonly Buffer[],
  standings: readonly Buffer[],
  events: ReadonlySet<EventItem>,
): Buffer {
  const texts = new Set<Buffer>();
  const parts: Buffer[] = [];
  const byCall = Map.groupBy(
    page.phases.filter((item) => phases.has(item)),
    ({ call }) => call,
  );
  for (const call of byCall.keys()) for (const text of textsOf(call, page.texts)) texts.add(text);
  for (const item of phases)
    for (const text of page.texts.values()) if (item.bytes.includes(text.subarray(3, 3 + TEXT_MARK_BYTES))) texts.add(text);
  let at = HEADER_BYTES + 1;
  const push = (part: Buffer) => {
    parts.push(part);
    at += part.length;
  };
  for (const text of texts) push(text);
  for (const [call, items] of byCall) {
    const place = at;
    push(call.bytes);
    for (const { bytes } of items) {
      const moved = Buffer.from(bytes);
      moved.writeUIntBE(place, 1, 3);
      push(moved);
    }
  }
  for (const part of [...standings, ...folds, ...[...events].map(({ bytes }) => bytes)]) push(part);
  return Buffer.concat(parts);
}

function textsOf({ bytes, anchors, existence }: CallItem, texts: ReadonlyMap<string, Buffer>): readonly Buffer[] {
  const at = 20 + 9 * (anchors.length + (existence === undefined ? 0 : 1));
  return [at, at + TEXT_MARK_BYTES].flatMap((from) => texts.get(bytes.toString('hex', from, from + TEXT_MARK_BYTES)) ?? []);
}

/** Reading a page: its items as they lie there, and facts of those that are asked for. */
import type { ToolPhase } from '@idemtrace/schemas';
import type { Standing } from '../port.ts';
import {
  ANCHOR_BYTES,
  HAS_EXISTENCE,
  HEADER_BYTES,
  ITEM,
  MARK_BYTES,
  type NAMED,
  OTHER_KEY,
  PHASES,
  POSITION_BYTES,
  type Position,
  readPosition,
  type Shape,
  TEXT_MARK_BYTES,
} from './layout.ts';

/** A page holds what no version of this wrote, or names a text that it does not hold. */
export class UnreadablePage extends Error {
  override readonly name = 'UnreadablePage';
}

export interface PhaseItem extends Position {
  readonly call: CallItem;
  readonly phase: ToolPhase;
  readonly bytes: Buffer;
  readonly texts: ReadonlyMap<string, Buffer>;
}

export interface CallItem {
  readonly bytes: Buffer;
  readonly executionId: Buffer;
  /** Without the one of the history that is asked only whether it has an earlier fact. */
  readonly anchors: readonly Buffer[];
  readonly existence: Buffer | undefined;
  readonly shape: Shape;
  readonly run: readonly [runId: string, attempt: number, parentRunId?: string];
}

/** What stays of a folded execution. */
export interface StandingItem {
  readonly executionId: Buffer;
  readonly phases: readonly (Position & { readonly phase: ToolPhase })[];
}

export interface EventItem extends Position {
  readonly bytes: Buffer;
  readonly identity: Buffer;
  readonly anchors: readonly Buffer[];
}

export interface FoldItem {
  readonly anchor: Buffer;
  readonly json: string;
}

export interface Page {
  readonly texts: ReadonlyMap<string, Buffer>;
  readonly phases: readonly PhaseItem[];
  readonly standings: readonly StandingItem[];
  readonly events: readonly EventItem[];
  readonly folds: readonly FoldItem[];
}

/** @param near offset and log time that the page's are near to. @throws UnreadablePage */
export function readPage(items: Buffer, near: Pick<Position, 'offset' | 'logTime'>): Page {
  const texts = new Map<string, Buffer>();
  const calls = new Map<number, Buffer>();
  const read = new Map<number, CallItem>();
  const phases: PhaseItem[] = [];
  const standings: StandingItem[] = [];
  const events: EventItem[] = [];
  const folds: FoldItem[] = [];
  const callAt = (place: number): CallItem => {
    const bytes = calls.get(place);
    if (bytes === undefined) throw new UnreadablePage('a phase whose call is missing');
    const known = read.get(place) ?? readCall(bytes, texts);
    read.set(place, known);
    return known;
  };
  let at = 0;
  while (at < items.length) {
    const start = at;
    const kind = items[at] ?? 0;
    if (kind >= ITEM.phase) {
      const phase = PHASES[kind - ITEM.phase];
      if (phase === undefined) throw new UnreadablePage(`a phase of code ${kind}`);
      const end = endOfPhase(items, at);
      const bytes = items.subarray(at, end);
      phases.push({ call: callAt(items.readUIntBE(at + 1, 3)), phase, bytes, texts, ...readPosition(items, at + 4, near) });
      at = end;
      continue;
    }
    if (kind === ITEM.fold) {
      const length = items.readUIntBE(at + 1 + ANCHOR_BYTES, 3);
      at += 4 + ANCHOR_BYTES + length;
      folds.push({ anchor: items.subarray(start + 1, start + 1 + ANCHOR_BYTES), json: items.toString('utf8', at - length, at) });
      continue;
    }
    at += 3 + items.readUInt16BE(at + 1);
    const bytes = items.subarray(start, at);
    // Places count from 1, behind the header: as the script counts them.
    if (kind === ITEM.call) calls.set(start + HEADER_BYTES + 1, bytes);
    else if (kind === ITEM.text) texts.set(bytes.toString('hex', 3, 3 + TEXT_MARK_BYTES), bytes);
    else if (kind === ITEM.standing) standings.push(readStanding(bytes, near));
    else if (kind === ITEM.event) events.push(readEvent(bytes, near));
    else throw new UnreadablePage(`an item of kind ${kind}`);
  }
  return { texts, phases, standings, events, folds };
}

/** A phase's item ends behind its results. */
function endOfPhase(items: Buffer, start: number): number {
  let at = start + 4 + POSITION_BYTES;
  let left = items[at++] ?? 0;
  for (; left > 0; left--) at += 1 + (items[at] === OTHER_KEY ? TEXT_MARK_BYTES : 0) + MARK_BYTES;
  return at;
}

function readCall(bytes: Buffer, texts: ReadonlyMap<string, Buffer>): CallItem {
  const flags = bytes[19] ?? 0;
  const count = flags & ~HAS_EXISTENCE;
  const all = Array.from({ length: count }, (_, index) => bytes.subarray(20 + ANCHOR_BYTES * index, 20 + ANCHOR_BYTES * (index + 1)));
  const existence = (flags & HAS_EXISTENCE) === 0 ? undefined : all.pop();
  const at = 20 + ANCHOR_BYTES * count;
  return {
    bytes,
    executionId: bytes.subarray(3, 19),
    anchors: all,
    existence,
    shape: textAt(bytes, at, texts) as Shape,
    run: textAt(bytes, at + TEXT_MARK_BYTES, texts) as CallItem['run'],
  };
}

/** Texts by their bytes: parsed once, however many pages and calls name them. */
const parsed = new Map<string, unknown>();
const MOST_PARSED = 10_000;

/** The value of the text that is named there. */
export function textAt(bytes: Buffer, at: number, texts: ReadonlyMap<string, Buffer>): unknown {
  const text = texts.get(bytes.toString('hex', at, at + TEXT_MARK_BYTES));
  if (text === undefined) throw new UnreadablePage('a text that is missing');
  const json = text.toString('utf8', 3 + TEXT_MARK_BYTES);
  const known = parsed.get(json);
  if (known !== undefined) return known;
  if (parsed.size >= MOST_PARSED) parsed.clear();
  const value: unknown = JSON.parse(json);
  parsed.set(json, value);
  return value;
}

function readStanding(bytes: Buffer, near: Pick<Position, 'offset' | 'logTime'>): StandingItem {
  const phases: StandingItem['phases'][number][] = [];
  for (let at = 19; at < bytes.length; at += 1 + POSITION_BYTES) {
    phases.push({ phase: PHASES[bytes[at] ?? 0] ?? 'unspecified', ...readPosition(bytes, at + 1, near) });
  }
  return { executionId: bytes.subarray(3, 19), phases };
}

function readEvent(bytes: Buffer, near: Pick<Position, 'offset' | 'logTime'>): EventItem {
  const first = 3 + ANCHOR_BYTES + 1;
  return {
    bytes,
    identity: bytes.subarray(3, 3 + ANCHOR_BYTES),
    anchors: Array.from({ length: bytes[first - 1] ?? 0 }, (_, index) => bytes.subarray(first + 9 * index, first + 9 * (index + 1))),
    ...readPosition(bytes, bytes.length - POSITION_BYTES, near),
  };
}

export function effectNameOf({ shape }: CallItem): string {
  return shape[1] === 0 ? shape[0] : shape[1];
}

/** How many of a call's anchors, the first of them, are of inputs. */
export function inputsOf({ shape }: CallItem): number {
  return shape[7].indexOf(',');
}

/** Whether a list of a call has an anchor. */
export function hasAnchor(call: CallItem, anchor: Buffer, list: (typeof NAMED)[number]): boolean {
  const { anchors } = call;
  const inputs = inputsOf(call);
  const end = list === 'inputs' ? inputs : anchors.length;
  for (let at = list === 'inputs' ? 0 : inputs; at < end; at++) if (anchors[at]?.equals(anchor) === true) return true;
  return false;
}

/** Of deliveries of one event the one that stands: the first, until another comes more than a window later. */
export function standing<T extends Omit<Standing, 'id'>>(deliveries: readonly T[], windowMs: number): T | undefined {
  if (deliveries.length <= 1) return deliveries[0];
  const [first, ...rest] = deliveries.toSorted((a, b) => a.offset - b.offset);
  if (first === undefined) return undefined;
  return rest.reduce((held, next) => (next.logTime - held.logTime > windowMs ? next : held), first);
}

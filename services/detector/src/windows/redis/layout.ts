/**
 * How facts lie in Redis: one string per workflow, its *page*, to which items are appended.
 *
 * A page is a byte for its form, three for the length of what follows, and items; behind them zeros, so that most items fit into the string as
 * it is. Integers are big-endian. An item is a function of its fact alone, but for the place of its call, so that one written again is found.
 *
 * | item | bytes |
 * |---|---|
 * | text | 1, length 2, mark 5, JSON: a run, or the shape of a call, once a page |
 * | call | 2, length 2, execution id 16, anchors, shape 5, run 5, step, marks: what all phases of an execution say alike |
 * | phase | 16 + phase, place of its call 3, position 16, results |
 * | standing | 3, length 2, execution id 16, n × (phase 1, position 16): what stays of a folded execution |
 * | fold | 4, anchor 9, length 3, JSON |
 * | event | 5, length 2, mark 9 of its identity, anchors: a retrieval, or an event of a run |
 *
 * A position is offset 5, log time 5, content digest 6. Offsets and log times are cut to 40 bits: a window is far shorter, and the batch that
 * asks says which ones are meant. Anchors are a count, then 9 bytes for each history: the first bytes of the digest that names it, or a hash of
 * its name. A large page is split into sixteen by the next four bits of the anchors, and says only so.
 */
import { hash } from 'node:crypto';
import type { EffectClass, EffectClassSource, ToolPhase } from '@idemtrace/schemas';

/** Version of all this. The marker says which one its pages are in; readers of the version before it are kept. */
export const LAYOUT_VERSION = 1;

export const FORM = { leaf: 1, split: 2 } as const;
export const ITEM = { text: 1, call: 2, standing: 3, fold: 4, event: 5, phase: 16 } as const;
export const HEADER_BYTES = 4;
export const ANCHOR_BYTES = 9;
export const TEXT_MARK_BYTES = 5;
export const POSITION_BYTES = 16;
export const MARK_BYTES = 6;
/** An anchor's digest in clear: so many characters of base64url. */
export const ANCHOR_CHARS = 12;
/** A whole digest, 43 characters of base64url: the last of its bytes holds two bits. */
export const DIGEST_BYTES = 33;
/** In a count of anchors: the last one is of a history that is asked only whether it has an earlier fact. */
export const HAS_EXISTENCE = 0x80;
/** In a count of a phase's results: a digest under a key that its call does not name, which is in a text. */
export const OTHER_KEY = 0xff;

/** Lists of digests that a call has as anchors, and those that it has as marks, in the order in which they are written. */
export const NAMED = ['inputs', 'effectKeys'] as const;
export const MARKED = ['occurrences', 'approvals', 'downstreamKeys', 'precedingCalls'] as const;

/** Code of each phase, for good. */
export const PHASE_CODES: Readonly<Record<ToolPhase, number>> = {
  unspecified: 0,
  started: 1,
  succeeded: 2,
  failed: 3,
  unknown: 4,
  replayed: 5,
  compensated: 6,
};
export const PHASES = Object.keys(PHASE_CODES) as readonly ToolPhase[];

/** In the order of their codes, for good. */
export const EFFECT_CLASSES = inOrder<EffectClass>({ unspecified: 0, read: 1, idempotent_write: 2, write: 3, delegate: 4 });
export const EFFECT_CLASS_SOURCES = inOrder<EffectClassSource>({ unspecified: 0, policy: 1, code: 2, annotation: 3, inferred: 4 });

function inOrder<T extends string>(codes: Readonly<Record<T, number>>): readonly T[] {
  return Object.keys(codes) as T[];
}

/** The text of what many calls have alike. */
export type Shape = readonly [
  tool: string,
  effectName: string | 0,
  effectClass: number,
  source: number,
  deadlineMs: number,
  agentId: string | 0,
  hasToolCall: 0 | 1,
  /** For each list, one after the other, a digit of base 36 for each digest: the place of its key. */
  lists: string,
  ...keyIds: string[],
];

const MODULUS = 2 ** 40;

/** The number nearest to another one that has these lowest 40 bits. */
export function nearest(to: number, low: number): number {
  const value = to - (to % MODULUS) + low;
  if (value > to + MODULUS / 2) return value - MODULUS;
  return value < to - MODULUS / 2 ? value + MODULUS : value;
}

export interface Position {
  readonly offset: number;
  readonly logTime: number;
  readonly contentDigest: number;
}

export function writePosition(into: Buffer, at: number, { offset, logTime, contentDigest }: Position): void {
  into.writeUIntBE(offset % MODULUS, at, 5);
  into.writeUIntBE(logTime % MODULUS, at + 5, 5);
  into.writeUIntBE(contentDigest, at + 10, 6);
}

export function readPosition(from: Buffer, at: number, near: Pick<Position, 'offset' | 'logTime'>): Position {
  return {
    offset: nearest(near.offset, from.readUIntBE(at, 5)),
    logTime: nearest(near.logTime, from.readUIntBE(at + 5, 5)),
    contentDigest: from.readUIntBE(at + 10, 6),
  };
}

/** The first bytes of a text's SHA-256. */
export function hashOf(text: string, bytes: number): Buffer {
  return Buffer.from(digestHex(text, bytes), 'hex');
}

export function digestHex(text: string, bytes: number): string {
  return hash('sha256', text, 'hex').slice(0, 2 * bytes);
}

/** Name of a workflow's page: its key may be long. */
export function pageNameOf(workflow: string): string {
  return hash('sha256', workflow, 'base64url').slice(0, 16);
}

export function framed(kind: number, body: Buffer): Buffer {
  const item = Buffer.allocUnsafe(3 + body.length);
  item[0] = kind;
  item.writeUInt16BE(body.length, 1);
  body.copy(item, 3);
  return item;
}

/** Bytes of a UUID. */
export const UUID_BYTES = 16;

export function uuidBytes(uuid: string): Buffer {
  const bytes = Buffer.allocUnsafe(UUID_BYTES);
  writeUuid(bytes, 0, uuid);
  return bytes;
}

/** By character code: what a digit of hexadecimal and one of base64url stand for. A call of Node's decoders costs more than all of a short text. */
const HEX_VALUES = valuesOf('0123456789abcdef');
const BASE64URL_VALUES = valuesOf('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');

function valuesOf(digits: string): Uint8Array {
  const values = new Uint8Array(128);
  for (const [value, digit] of [...digits].entries()) values[digit.charCodeAt(0)] = value;
  return values;
}

export function writeUuid(into: Buffer, at: number, uuid: string): void {
  for (let from = 0, to = at; to < at + UUID_BYTES; from += 2, to++) {
    if (uuid.charCodeAt(from) === DASH) from++;
    into[to] = (digitAt(HEX_VALUES, uuid, from) << 4) | digitAt(HEX_VALUES, uuid, from + 1);
  }
}

const DASH = 0x2d;

/** Writes bytes, a multiple of three, from digits of base64url; zeros where there are no more. */
export function writeBase64url(into: Buffer, at: number, bytes: number, text: string, start: number): void {
  for (let from = start, to = at; to < at + bytes; from += 4, to += 3) {
    const high = (digitAt(BASE64URL_VALUES, text, from) << 6) | digitAt(BASE64URL_VALUES, text, from + 1);
    const low = (digitAt(BASE64URL_VALUES, text, from + 2) << 6) | digitAt(BASE64URL_VALUES, text, from + 3);
    into[to] = high >>> 4;
    into[to + 1] = ((high & 0xf) << 4) | (low >>> 8);
    into[to + 2] = low & 0xff;
  }
}

function digitAt(values: Uint8Array, text: string, at: number): number {
  return at < text.length ? (values[text.charCodeAt(at)] ?? 0) : 0;
}

export function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** By what an execution id is put into one of sixteen: a UUID's first bytes may be a time. */
export function pathOfExecution(id: Buffer): string {
  return id.subarray(9).toString('hex');
}

export function pathOfAnchor(anchor: Buffer): string {
  return anchor.toString('hex');
}

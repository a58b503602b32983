/**
 * Records that must not be judged, one kind for each way in which a record is wrong, with the reason that the kind was made for: by the bytes that are
 * written here, not by asking the codec.
 */
import type { ToolCallEvent } from '@idemtrace/schemas';
import type { NewRecord } from '@idemtrace/stream';
import { encodeUnchecked, frame, idOf, SAMPLES } from '../../schemas/test/wire.ts';

export interface Poison {
  readonly reason: string;
  readonly record: NewRecord;
}

/** Ids of writer schemas that a registry may have, and that nobody can read events by. */
export const HOSTILE_SCHEMAS: ReadonlyMap<number, string> = new Map([
  [9_001, JSON.stringify({ type: 'record', name: 'Node', namespace: 'other', fields: [{ name: 'next', type: ['null', 'Node'] }] })],
  [9_002, JSON.stringify({ type: 'record', name: 'RunEvent', namespace: 'dev.idemtrace', fields: [{ name: 'tenantId', type: 'int' }] })],
  [9_003, JSON.stringify({ type: 'record', name: 'Order', namespace: 'other', fields: [{ name: 'id', type: 'string' }] })],
  [9_004, '{"type":"record","name":"Broken"'],
]);
/** From here on the registry has nothing. */
export const UNKNOWN_IDS = 20_000;

const UUID = '01935b2e-7c4a-7d21-9f10-0123456789ab';
const DIGEST = 'A'.repeat(43);

/** A whole number as Avro writes it. */
function long(value: bigint | number): Buffer {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const bytes: number[] = [];
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

function text(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([long(bytes.length), bytes]);
}

const none = long(0);
const scope = (n: number) => [text('acme'), text(`poison-${n}`), text('run-1')];

/** A tool call up to its input hashes, and what then comes. */
function toolCall(n: number, ...rest: readonly Buffer[]): Buffer {
  const nothing = Array.from({ length: 4 }, () => none);
  const start = [
    ...scope(n),
    long(1),
    ...nothing,
    long(0),
    none,
    text(UUID),
    none,
    long(2),
    text('charge'),
    text('charge'),
    long(3),
    long(1),
  ];
  return frame(idOf('ToolCallEvent'), Buffer.concat([...start, ...rest]));
}

function run(...body: readonly Buffer[]): Buffer {
  return frame(idOf('RunEvent'), Buffer.concat(body));
}

const goodRun = (n: number) => encodeUnchecked('RunEvent', { ...SAMPLES.RunEvent, workflowId: `poison-${n}` });
const call = (n: number, over: Partial<ToolCallEvent>) =>
  encodeUnchecked('ToolCallEvent', { ...SAMPLES.ToolCallEvent, workflowId: `poison-${n}`, ...over });

/** The one byte in which two encodings differ, set to what is no boolean. */
function badBoolean(): Buffer {
  const [yes, no] = [true, false].map((windowComplete) => encodeUnchecked('Alert', { ...SAMPLES.Alert, windowComplete }));
  const bytes = Buffer.from(yes ?? []);
  const at = bytes.findIndex((byte, index) => byte !== no?.[index]);
  bytes[at] = 2;
  return bytes;
}

const hashes = (...ids: readonly string[]) => ids.map((hashKeyId) => ({ hashKeyId, digest: DIGEST }));
const pair = Buffer.concat([text('k1'), text(DIGEST)]);

interface Kind {
  readonly reason: string;
  /** Made so many times at most: it is large. */
  readonly most?: number;
  readonly value: (n: number) => Buffer;
  /** Default: that of the workflow which the value names. */
  readonly key?: (n: number) => string | Buffer | null;
  readonly headers?: (n: number) => Readonly<Record<string, Buffer>>;
}

const MEGABYTE = 1_048_576;

const KINDS: readonly Kind[] = [
  // The value as bytes.
  { reason: 'no_value', value: () => Buffer.alloc(0) },
  { reason: 'bad_magic', value: (n) => Buffer.concat([Buffer.from([1 + (n % 255)]), goodRun(n).subarray(1)]) },
  { reason: 'bad_magic', value: () => Buffer.from('{"tenantId":"acme","workflowId":"w"}') },
  { reason: 'truncated', value: (n) => goodRun(n).subarray(0, 1 + (n % 60)) },
  { reason: 'trailing_bytes', value: (n) => Buffer.concat([goodRun(n), Buffer.alloc(1 + (n % 9))]) },
  { reason: 'too_large', most: 10, value: (n) => Buffer.concat([goodRun(n), Buffer.alloc(MEGABYTE)]) },
  { reason: 'too_large', most: 10, value: (n) => Buffer.concat([goodRun(n), Buffer.alloc(2 * MEGABYTE)]) },
  // Its writer schema.
  { reason: 'unknown_schema', value: (n) => frame(UNKNOWN_IDS + n, goodRun(n).subarray(5)) },
  { reason: 'unsupported_schema', value: (n) => frame(9_001, goodRun(n).subarray(5)) },
  { reason: 'unsupported_schema', value: (n) => frame(9_004, goodRun(n).subarray(5)) },
  { reason: 'incompatible_schema', value: (n) => frame(9_002, goodRun(n).subarray(5)) },
  { reason: 'unexpected_record', value: () => frame(9_003, text('order-1')) },
  { reason: 'unexpected_record', value: () => encodeUnchecked('Alert', SAMPLES.Alert) },
  { reason: 'unexpected_record', value: () => encodeUnchecked('DeadLetter', SAMPLES.DeadLetter) },
  // The Avro body: bombs and lies.
  { reason: 'truncated', value: (n) => toolCall(n, long(2 ** 31 - 1)) },
  { reason: 'truncated', value: (n) => toolCall(n, long(2n ** 60n), pair) },
  { reason: 'truncated', value: (n) => toolCall(n, long(-(2n ** 62n)), long(47)) },
  { reason: 'truncated', value: () => run(long(2 ** 40), Buffer.from('acme')) },
  { reason: 'bad_varint', value: () => run(Buffer.alloc(12, 0xff)) },
  { reason: 'number_out_of_range', value: (n) => run(...scope(n), long(2 ** 40)) },
  { reason: 'negative_length', value: () => run(long(-1)) },
  { reason: 'bad_union_index', value: (n) => run(...scope(n), long(1), long(7)) },
  { reason: 'bad_enum_index', value: (n) => run(...scope(n), long(1), none, none, none, none, long(0), long(99)) },
  { reason: 'bad_boolean', value: badBoolean },
  { reason: 'bad_block', value: (n) => toolCall(n, long(-1), long(5), pair, none) },
  { reason: 'bad_utf8', value: () => run(text(Buffer.from('eda080', 'hex'))) },
  { reason: 'bad_utf8', value: () => run(text(Buffer.concat([Buffer.from('acme'), Buffer.from([0xff])]))) },
  { reason: 'too_many_items', value: (n) => call(n, { groundedOn: Array.from({ length: 300 }, (_, i) => `r${i}`) }) },
  { reason: 'too_many_items', most: 20, value: (n) => call(n, { groundedOn: Array.from({ length: 70_000 }, () => '') }) },
  // Fields, alone and together.
  { reason: 'empty_id', value: (n) => call(n, { tool: '' }) },
  { reason: 'empty_id', value: (n) => call(n, { tenantId: '' }) },
  { reason: 'id_too_long', value: (n) => call(n, { runId: 'r'.repeat(513) }) },
  { reason: 'id_too_long', most: 20, value: (n) => call(n, { workflowId: 'w'.repeat(900_000) }) },
  { reason: 'control_character', value: (n) => call(n, { tool: `charge\u0000` }) },
  { reason: 'control_character', value: (n) => call(n, { tenantId: 'acme\n' }) },
  { reason: 'too_long', value: (n) => call(n, { disclosed: [{ path: 'a', json: 'x'.repeat(1025) }] }) },
  { reason: 'bad_uuid', value: (n) => call(n, { executionId: UUID.toUpperCase() }) },
  { reason: 'bad_trace_id', value: (n) => call(n, { traceId: 'xyz' }) },
  { reason: 'bad_digest', value: (n) => call(n, { inputHashes: [{ hashKeyId: 'k1', digest: 'short' }] }) },
  { reason: 'duplicate_hash_key', value: (n) => call(n, { inputHashes: hashes('k1', 'k1') }) },
  { reason: 'missing_hash_key', value: (n) => call(n, { leafHashKeyId: null }) },
  { reason: 'below_minimum', value: (n) => call(n, { attempt: 0 }) },
  { reason: 'not_finite', value: (n) => call(n, { durationMs: Number.NaN }) },
  { reason: 'time_out_of_bounds', value: (n) => call(n, { occurredAt: 0 }) },
  { reason: 'time_out_of_bounds', value: (n) => call(n, { occurredAt: 1_760_000_000 }) },
  { reason: 'time_out_of_bounds', value: (n) => call(n, { occurredAt: 1_760_000_000_000_000 }) },
  { reason: 'unspecified_phase', value: (n) => call(n, { phase: 'unspecified' }) },
  { reason: 'inconsistent_outcome', value: (n) => call(n, { phase: 'started', durationMs: 1, resultHashes: [] }) },
  { reason: 'inconsistent_hash', value: (n) => call(n, { unhashable: 'not_plain_json' }) },
  // The record in its log.
  { reason: 'key_mismatch', value: (n) => call(n, {}), key: (n) => `globex/poison-${n}` },
  { reason: 'key_mismatch', value: (n) => call(n, {}), key: () => null },
  { reason: 'key_mismatch', value: (n) => call(n, {}), key: (n) => `acme/${encodeURIComponent(`poison-${n}`)}%00` },
  { reason: 'key_mismatch', most: 10, value: (n) => call(n, {}), key: () => Buffer.alloc(2 * MEGABYTE, 'k') },
  { reason: 'bad_magic', most: 10, value: () => Buffer.from('x'), headers: () => ({ big: Buffer.alloc(3 * MEGABYTE) }) },
  {
    reason: 'bad_magic',
    most: 5,
    value: () => Buffer.from('x'),
    headers: () => Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`h${i}`, Buffer.from('v')])),
  },
];

/** Reasons of which there are kinds here. */
export const POISON_REASONS: ReadonlySet<string> = new Set(KINDS.map(({ reason }) => reason));

/** Kinds go round, so that there are about as many of each; the large ones stop after a few. */
export function poisons(): () => Poison {
  const made = KINDS.map(() => 0);
  let turn = 0;
  let n = 0;
  return () => {
    for (;;) {
      const index = turn++ % KINDS.length;
      const kind = KINDS[index];
      if (kind === undefined || (made[index] ?? 0) >= (kind.most ?? Number.POSITIVE_INFINITY)) continue;
      made[index] = (made[index] ?? 0) + 1;
      n += 1;
      const { reason, value, key = (nth: number) => `acme/poison-${nth}`, headers } = kind;
      return { reason, record: { key: key(n), value: value(n), ...(headers !== undefined && { headers: headers(n) }) } };
    }
  };
}

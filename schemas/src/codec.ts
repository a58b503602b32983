import { avroType } from './avro-type.ts';
import { currentSchema, RECORD_NAMES } from './current.ts';
import { EncodeError, RegistryError } from './errors.ts';
import type { Fault } from './faults.ts';
import { describeFault } from './faults.ts';
import { SCHEMAS } from './generated/schemas.ts';
import type { RecordName, RecordTypes } from './generated/types.ts';
import type { SchemaRegistry } from './registry.ts';
import type { Shape } from './shape.ts';
import { compileShape } from './shape.ts';
import type { InvalidReason, ValueReason } from './validity.ts';
import { BOUNDS, KEYS, MAX_VALUE_BYTES } from './validity.ts';
import { type Writer, Writers } from './writers.ts';

/** A decoded record with the name of its schema. */
export type AnyRecord = { [N in RecordName]: { readonly name: N; readonly value: RecordTypes[N] } }[RecordName];

export type Decoded =
  | { readonly ok: true; readonly record: AnyRecord }
  /** `detail` says which field and which bound, never a value; `faults` lists them one by one where there was a value to look at. */
  | { readonly ok: false; readonly reason: InvalidReason; readonly detail: string; readonly faults?: readonly Fault<ValueReason>[] };

/** A record as a log holds it; `LogRecord` of the event-log port is one. */
export interface RawRecord {
  /** Undefined where the record is in no log yet: its key is still to be made, and is not asked for. */
  readonly key: Buffer | null | undefined;
  readonly value: Buffer | null;
  /** ms since the epoch. */
  readonly logTime: number;
}

/** Values to bytes and back, in Confluent's wire format: the byte 0, the writer schema's id (32 bits, big-endian), the Avro body. */
export interface Codec {
  /**
   * Throws `EncodeError` where the value is invalid by the table in `validity.ts`, `RegistryError` (`not_registered`) where the registry did
   * not have the record's schema when the codec was made.
   */
  encode<N extends RecordName>(name: N, value: RecordTypes[N]): Buffer;
  /**
   * Answers every record with a value or with the reason why it is none, in order, whatever its bytes. Asks the registry for writer
   * schemas that it does not know yet; rejects with `RegistryError` (`away`) where that cannot be done: wait and call again, nothing is lost.
   */
  decode(records: readonly RawRecord[]): Promise<readonly Decoded[]>;
  /** Decodes without asking anyone; undefined where the registry has to be asked first. */
  decodeKnown(record: RawRecord): Decoded | undefined;
}

export interface CodecOptions {
  readonly registry: SchemaRegistry;
  /** ms since the epoch; only for how long an unknown schema id is believed to be unknown. Default: the machine's. */
  readonly clock?: () => number;
  /** Records that may come; any other is `unexpected_record`. Default: all. */
  readonly expect?: readonly RecordName[];
}

/** Rejects with `RegistryError` (`away`) where the registry cannot be asked for the ids of the current schemas. */
export async function createCodec({ registry, clock = Date.now, expect = RECORD_NAMES }: CodecOptions): Promise<Codec> {
  const writers = new Writers(registry, clock);
  const ids = new Map<RecordName, number>();
  for (const name of RECORD_NAMES) {
    const id = await registry.idOf(name).catch((error: unknown) => {
      if (error instanceof RegistryError && error.code === 'not_registered') return undefined;
      throw error;
    });
    if (id === undefined) continue;
    ids.set(name, id);
    writers.add(id, SCHEMAS[name]);
  }
  const expected: ReadonlySet<RecordName> = new Set(expect);
  const known: WriterOf = (id) => writers.get(id);
  return {
    encode(name, value) {
      const id = ids.get(name);
      if (id === undefined) throw new RegistryError('not_registered', `the registry has no schema of ${name}`);
      return encode(name, value, id);
    },
    async decode(records) {
      const missing = missingIds(records, writers);
      if (missing.length === 0) return records.map((record) => decode(record, known, expected));
      // Kept at hand: while some are asked for, others' questions may make the cache forget, and answers may grow old. To ask again for those
      // would be to ask for ever where a registry is slow and somebody makes ids up.
      const atHand = new Map<number, Writer>();
      for (const record of records) {
        const id = writerId(record);
        const writer = id === undefined ? undefined : writers.get(id);
        if (id !== undefined && writer !== undefined) atHand.set(id, writer);
      }
      for (const [id, writer] of await writers.learn(missing)) atHand.set(id, writer);
      return records.map((record) => decode(record, (id) => atHand.get(id), expected));
    },
    decodeKnown(record) {
      const id = writerId(record);
      return id !== undefined && writers.isMissing(id) ? undefined : decode(record, known, expected);
    },
  };
}

/** Bytes before the Avro body. */
const HEADER_BYTES = 5;

function invalid(reason: InvalidReason, detail: string): Decoded {
  return { ok: false, reason, detail };
}

const LARGEST_VALUE = Math.max(...Object.values(MAX_VALUE_BYTES));

/** Id of the writer schema; undefined where the value does not get as far. */
function writerId({ value }: RawRecord): number | undefined {
  return value !== null && value.length >= HEADER_BYTES && value.length <= LARGEST_VALUE && value[0] === 0
    ? value.readInt32BE(1)
    : undefined;
}

function missingIds(records: readonly RawRecord[], writers: Writers): readonly number[] {
  let missing: Set<number> | undefined;
  let last: number | undefined;
  for (const record of records) {
    const id = writerId(record);
    // Records of one schema come in runs.
    if (id === undefined || id === last) continue;
    last = id;
    if (writers.isMissing(id)) {
      missing ??= new Set();
      missing.add(id);
    }
  }
  return missing === undefined ? [] : [...missing];
}

type WriterOf = (id: number) => Writer | undefined;

function decode(record: RawRecord, writerOf: WriterOf, expected: ReadonlySet<RecordName>): Decoded {
  const { value } = record;
  if (value === null || value.length === 0) return invalid('no_value', value === null ? 'value: null' : 'value: empty');
  if (value[0] !== 0) return invalid('bad_magic', 'wire format: first byte is not 0');
  if (value.length < HEADER_BYTES) return invalid('truncated', `wire format: under ${HEADER_BYTES} bytes`);
  if (value.length > LARGEST_VALUE) return invalid('too_large', `value: over ${LARGEST_VALUE} bytes`);
  const writer = writerOf(value.readInt32BE(1));
  if (writer === undefined) throw new Error('decoded before its schema was asked for');
  if (!writer.ok) return invalid(writer.reason, writer.detail);
  const { name } = writer;
  if (!expected.has(name)) return invalid('unexpected_record', `${name}: does not travel here`);
  if (value.length > MAX_VALUE_BYTES[name]) return invalid('too_large', `value: over ${MAX_VALUE_BYTES[name]} bytes`);
  const body = writer.read(value, HEADER_BYTES);
  if (!body.ok) return invalid(body.fault.reason, describeFault(body.fault));
  return judge(name, body.value as RecordTypes[RecordName], record.key);
}

function judge<N extends RecordName>(name: N, value: RecordTypes[N], key: Buffer | null | undefined): Decoded {
  const faults: Fault<ValueReason>[] = [];
  BOUNDS[name].run(value, faults);
  const [first] = faults;
  if (first !== undefined) return { ok: false, reason: first.reason, detail: describeFault(first), faults };
  if (key !== undefined && !KEYS[name](key, value)) return invalid('key_mismatch', 'key: not the one of the value’s tenant and workflow');
  return { ok: true, record: { name, value } as unknown as AnyRecord };
}

const shapes = new Map<RecordName, Shape>();

/** What values of a record must look like. */
export function shapeOf(name: RecordName): Shape {
  let shape = shapes.get(name);
  if (shape === undefined) {
    shape = compileShape(currentSchema(name));
    shapes.set(name, shape);
  }
  return shape;
}

/** What is written before it is copied out; grows to the longest record seen. */
let scratch = Buffer.allocUnsafeSlow(16 * 1024);

function encode<N extends RecordName>(name: N, value: RecordTypes[N], id: number): Buffer {
  const faults: Fault<ValueReason>[] = [];
  shapeOf(name).check(value, faults);
  if (faults.length === 0) BOUNDS[name].run(value, faults);
  const [first] = faults;
  if (first !== undefined) throw new EncodeError(first.reason, first.field, `${name}: ${describeFault(first)} (${first.reason})`);
  const type = avroType(name);
  let end = type.encode(value, scratch, HEADER_BYTES);
  if (end < 0) {
    const bytes = scratch.length - end;
    if (bytes <= MAX_VALUE_BYTES[name]) {
      scratch = Buffer.allocUnsafeSlow(bytes);
      end = type.encode(value, scratch, HEADER_BYTES);
    } else end = bytes;
  }
  const max = MAX_VALUE_BYTES[name];
  if (end > max) throw new EncodeError('too_large', '', `${name}: value over ${max} bytes (too_large)`);
  scratch[0] = 0;
  scratch.writeInt32BE(id, 1);
  return Buffer.from(scratch.subarray(0, end));
}

import { isUtf8 } from 'node:buffer';
import type { Fault } from './faults.ts';
import { MAX_SHARED, sharedText, text } from './intern.ts';
import { MAX_ITEMS, MAX_LONG, MIN_LONG } from './limits.ts';
import type { EnumNode, RecordNode, SchemaNode } from './schema.ts';
import { branchName } from './schema.ts';
import { compileShape } from './shape.ts';
import { assembled } from './unroll.ts';
import type { ByteReason } from './validity.ts';

/**
 * Reads a record's body, checking every length before it is followed: whatever the bytes, the work and the memory are bounded by their
 * number (`parseSchema` admits only schemas whose every value takes at least one). General decoders trust what they read: with avsc a huge
 * array count aborts the process, a block's byte size is believed, integers beyond 2^52 lose their sign; and to check first costs a second
 * pass. Avro's rules of resolution are applied when the reader is compiled; `compatibility.ts` has said before that they hold.
 */
export type BodyReader = (
  body: Buffer,
  from: number,
) => { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly fault: Fault<ByteReason> };

const EMPTY = Buffer.alloc(0);

class Cursor {
  buf: Buffer = EMPTY;
  pos = 0;
  items = 0;
  fault: Fault<ByteReason> | undefined = undefined;

  /** Remembers the first fault, and moves to the end: what follows reads nothing. */
  fail(reason: ByteReason, field: string, bound: string): undefined {
    this.fault ??= { reason, field, bound };
    this.pos = this.buf.length;
  }

  truncated(field: string): undefined {
    return this.fail('truncated', field, 'ends before its value does');
  }

  /** The next varint as a whole number; `NaN` after a fault; out of the range that is exact: `Infinity`. */
  integer(field: string): number {
    const { buf } = this;
    const first = buf[this.pos++];
    if (first === undefined) return this.#none(this.truncated(field));
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    return this.#long(first, field);
  }

  #long(first: number, field: string): number {
    let low = first & 0x7f;
    let high = 0;
    let byte = first;
    for (let i = 1; byte >= 0x80; i++) {
      if (i === 10) return this.#none(this.fail('bad_varint', field, 'no varint of at most 10 bytes'));
      const next = this.buf[this.pos++];
      if (next === undefined) return this.#none(this.truncated(field));
      byte = next;
      if (i < 4) low |= (byte & 0x7f) << (7 * i);
      else high += (byte & 0x7f) * 2 ** (7 * (i - 4));
    }
    if (high === 0) return (low >>> 1) ^ -(low & 1);
    if (high >= 2 ** 26) return Number.POSITIVE_INFINITY;
    const magnitude = high * 2 ** 27 + (low >>> 1);
    return (low & 1) === 0 ? magnitude : -magnitude - 1;
  }

  #none(_: undefined): number {
    return Number.NaN;
  }

  /** A length or byte size, within what is left; -1 after a fault. */
  length(field: string): number {
    const length = this.integer(field);
    if (length >= 0 && length <= this.buf.length - this.pos) return length;
    if (length < 0) this.fail('negative_length', field, 'length below 0');
    else this.truncated(field);
    return -1;
  }

  /** Passes over a number of bytes; where they start, or -1 after a fault. */
  take(size: number, field: string): number {
    const start = this.pos;
    this.pos += size;
    if (this.pos <= this.buf.length) return start;
    this.truncated(field);
    return -1;
  }
}

/** Reads a value, or whatever where the cursor has a fault. */
type Read = (cursor: Cursor) => unknown;

/**
 * Compiles the reading of what `writer` wrote as values of `reader`, one of our own schemas. A reader is not reentrant, and needs not be: it
 * is synchronous.
 */
export function compileReader(writer: RecordNode, reader: RecordNode): BodyReader {
  const read = compile(writer, reader, '');
  const cursor = new Cursor();
  return (body, from) => {
    cursor.buf = body;
    cursor.pos = from;
    cursor.items = MAX_ITEMS;
    cursor.fault = undefined;
    const value = read(cursor);
    if (cursor.pos < body.length) cursor.fail('trailing_bytes', '', 'bytes left after the last field');
    cursor.buf = EMPTY;
    return cursor.fault === undefined ? { ok: true, value } : { ok: false, fault: cursor.fault };
  };
}

/** `readers` is undefined where our schema does not have the field: it is read over. */
function compile(writer: SchemaNode, readers: SchemaNode | undefined, field: string): Read {
  const reader = writer.kind === 'union' ? readers : counterpart(writer, readers);
  switch (writer.kind) {
    case 'null':
      return () => null;
    case 'boolean':
      return (cursor) => {
        const byte = cursor.buf[cursor.pos++];
        if (byte === undefined) return cursor.truncated(field);
        return byte <= 1 ? byte === 1 : cursor.fail('bad_boolean', field, 'neither 0 nor 1');
      };
    case 'int':
      return integers(field, -(2 ** 31), 2 ** 31 - 1);
    case 'long':
      // Where nobody asks for the number it need not be exact.
      return reader === undefined
        ? integers(field, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
        : integers(field, MIN_LONG, MAX_LONG);
    case 'float':
      return floats(field, 4, (buf, at) => buf.readFloatLE(at));
    case 'double':
      return floats(field, 8, (buf, at) => buf.readDoubleLE(at));
    case 'fixed':
      return (cursor) => copy(cursor, writer.size, field);
    case 'bytes':
      return reader?.kind === 'string' ? strings(field, false) : (cursor) => copy(cursor, cursor.length(field), field);
    case 'string': {
      const read = strings(field, writer.logicalType !== 'uuid' && !field.endsWith('digest'));
      return reader?.kind === 'bytes' ? (cursor) => Buffer.from(read(cursor) ?? '') : read;
    }
    case 'enum':
      return enums(field, writer, reader);
    case 'union': {
      const branches = writer.branches.map((branch) => compile(branch, reader, field));
      return (cursor) => {
        const branch = branches[cursor.integer(field)];
        return branch === undefined ? cursor.fail('bad_union_index', field, 'index of no branch') : branch(cursor);
      };
    }
    case 'array':
      return lists(field, compile(writer.items, reader?.kind === 'array' ? reader.items : undefined, `${field}[]`));
    case 'map': {
      const key = strings(`${field}{}`, false);
      const value = compile(writer.values, undefined, `${field}{}`);
      return lists(field, (cursor) => [key(cursor), value(cursor)]);
    }
    case 'record':
      return records(writer, reader?.kind === 'record' ? reader : undefined, field);
  }
}

/** What a value is read into: of a union the branch of its name, else any other than null (numbers are promoted). */
function counterpart(writer: SchemaNode, reader: SchemaNode | undefined): SchemaNode | undefined {
  if (reader?.kind !== 'union') return reader;
  return (
    reader.branches.find((branch) => branchName(branch) === branchName(writer)) ?? reader.branches.find((branch) => branch.kind !== 'null')
  );
}

function integers(field: string, min: number, max: number): Read {
  return (cursor) => {
    const value = cursor.integer(field);
    if (value >= min && value <= max) return value;
    return cursor.fail('number_out_of_range', field, `outside ${min} to ${max}`);
  };
}

function floats(field: string, size: number, read: (buf: Buffer, at: number) => number): Read {
  return (cursor) => {
    const at = cursor.take(size, field);
    return at < 0 ? undefined : read(cursor.buf, at);
  };
}

/** Copied, so that a dead letter kept does not keep the batch that it came in. */
function copy(cursor: Cursor, size: number, field: string): Buffer | undefined {
  const at = size < 0 ? -1 : cursor.take(size, field);
  return at < 0 ? undefined : Buffer.from(cursor.buf.subarray(at, at + size));
}

/** Above this many bytes a call of the native check costs less than a loop. */
const SHORT = 96;

function strings(field: string, recurring: boolean): (cursor: Cursor) => string | undefined {
  return (cursor) => {
    const length = cursor.length(field);
    if (length < 0) return undefined;
    const { buf, pos } = cursor;
    const end = pos + length;
    cursor.pos = end;
    let at = pos;
    let hash = length;
    if (length <= SHORT)
      for (let byte = 0; at < end; at++) {
        byte = buf[at] as number;
        if (byte >= 0x80) break;
        hash = (Math.imul(hash, 31) + byte) | 0;
      }
    if (at === end) return recurring && length <= MAX_SHARED ? sharedText(buf, pos, end, hash) : text(buf, pos, end);
    return isUtf8(buf.subarray(pos, end)) ? text(buf, pos, end) : cursor.fail('bad_utf8', field, 'no UTF-8');
  };
}

function enums(field: string, writer: EnumNode, reader: SchemaNode | undefined): Read {
  const known = reader?.kind === 'enum' ? reader : writer;
  const symbols = writer.symbols.map((symbol) => (known.symbols.includes(symbol) ? symbol : known.default));
  return (cursor) => symbols[cursor.integer(field)] ?? cursor.fail('bad_enum_index', field, 'index of no symbol');
}

function lists(field: string, item: Read): Read {
  return (cursor) => {
    const items: unknown[] = [];
    for (;;) {
      let count = cursor.integer(field);
      if (count === 0) return items;
      let end = -1;
      if (count < 0) {
        count = -count;
        end = cursor.length(field) + cursor.pos;
      }
      // Every item takes at least a byte. `NaN` and `Infinity` end here too.
      if (!(count <= cursor.buf.length - cursor.pos)) return cursor.truncated(field);
      cursor.items -= count;
      if (cursor.items < 0) return cursor.fail('too_many_items', field, `more than ${MAX_ITEMS} items in the record`);
      for (let i = 0; i < count && cursor.fault === undefined; i++) items.push(item(cursor));
      if (cursor.fault !== undefined) return undefined;
      if (end >= 0 && cursor.pos !== end) return cursor.fail('bad_block', field, 'block of another size than it says');
    }
  };
}

function records(writer: RecordNode, reader: RecordNode | undefined, field: string): Read {
  const reads = writer.fields.map(({ name, type }) => {
    const kept = reader?.fields.find((candidate) => candidate.name === name)?.type;
    return compile(type, kept, field === '' ? name : `${field}.${name}`);
  });
  const sources = (reader?.fields ?? []).map(({ name, type, default: preset }) => {
    const index = writer.fields.findIndex((written) => written.name === name);
    return { name, from: index >= 0 ? index : () => compileShape(type).fromJson(preset?.value, []) };
  });
  return assembled(reads, sources);
}

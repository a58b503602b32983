/**
 * ClickHouse's Native format: a block of columns. Rows in JSON cost the server three times as much to take in as what it then does with them;
 * columns cost next to nothing (bench/sink.ts). Layouts are those of ClickHouse's documentation (Native format, column serialization) at
 * protocol version 0, which HTTP speaks.
 */
import { ByteWriter } from './byte-writer.ts';

/** How the values of a column are laid out. */
export interface ColumnType<T> {
  /** The type's name in ClickHouse. */
  readonly name: string;
  /** What goes before the data: the versions of the dictionaries inside. */
  readonly prefix?: (out: ByteWriter) => void;
  readonly write: (out: ByteWriter, values: readonly T[]) => void;
}

function scalar<T>(name: string, write: (out: ByteWriter, value: T) => void): ColumnType<T> {
  return {
    name,
    write(out, values) {
      for (const value of values) write(out, value);
    },
  };
}

export const int32 = scalar<number>('Int32', (out, value) => out.int32(value));
export const int64 = scalar<number>('Int64', (out, value) => out.int64(value));
export const float64 = scalar<number>('Float64', (out, value) => out.float64(value));
export const bool = scalar<boolean>('Bool', (out, value) => out.byte(value ? 1 : 0));
export const text = scalar<string>('String', (out, value) => out.text(value));
/** Milliseconds since the epoch. */
export const time = scalar<number>("DateTime64(3, 'UTC')", (out, value) => out.int64(value));

/** Optional values: a map of what is missing, then all values, the missing ones as `filler`. */
export function nullable<T>(type: ColumnType<T>, filler: NoInfer<T>): ColumnType<T | null> {
  return {
    name: `Nullable(${type.name})`,
    write(out, values) {
      for (const value of values) out.byte(value === null ? 1 : 0);
      type.write(
        out,
        values.map((value) => value ?? filler),
      );
    },
  };
}

/** Version of a dictionary's serialization: keys travel with each block. */
const SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS = 1;
const HAS_ADDITIONAL_KEYS = 0x200;
/** Widths of an index into a dictionary, by the code that says so. */
const INDEX_BYTE = 0;
const INDEX_INT16 = 1;
const INDEX_INT32 = 2;

function writeDictionaryPrefix(out: ByteWriter): void {
  out.int64(SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS);
}

/** Texts that repeat: each once, then an index a row. `first` is the key at 0 where that place is taken. */
function writeDictionary(out: ByteWriter, values: readonly (string | null)[], first: readonly string[]): void {
  // Nothing at all is written for no values, as inside arrays that are all empty.
  if (values.length === 0) return;
  const indexes = new Map<string, number>();
  const keys: string[] = [...first];
  const rows = new Array<number>(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? null;
    if (value === null) {
      rows[i] = 0;
      continue;
    }
    let index = indexes.get(value);
    if (index === undefined) {
      index = keys.push(value) - 1;
      indexes.set(value, index);
    }
    rows[i] = index;
  }
  const width = keys.length <= 0xff ? INDEX_BYTE : keys.length <= 0xffff ? INDEX_INT16 : INDEX_INT32;
  out.int64(HAS_ADDITIONAL_KEYS | width);
  out.int64(keys.length);
  for (const key of keys) out.text(key);
  out.int64(rows.length);
  if (width === INDEX_BYTE) for (const row of rows) out.byte(row);
  else if (width === INDEX_INT16) for (const row of rows) out.int16(row);
  else for (const row of rows) out.int32(row);
}

export const word: ColumnType<string> = {
  name: 'LowCardinality(String)',
  prefix: writeDictionaryPrefix,
  write: (out, values) => writeDictionary(out, values, []),
};

/** Key 0 of a nullable dictionary stands for NULL. */
export const optionalWord: ColumnType<string | null> = {
  name: 'LowCardinality(Nullable(String))',
  prefix: writeDictionaryPrefix,
  write: (out, values) => writeDictionary(out, values, ['']),
};

export function array<T>(type: ColumnType<T>): ColumnType<readonly T[]> {
  return {
    name: `Array(${type.name})`,
    prefix: (out) => type.prefix?.(out),
    write(out, values) {
      const flat: T[] = [];
      for (const value of values) {
        for (const each of value) flat.push(each);
        out.int64(flat.length);
      }
      type.write(out, flat);
    },
  };
}

/** A record as a named tuple: its members are columns of their own. What is missing has every member at its empty value. */
export function tuple<T>(members: readonly Column<T>[]): ColumnType<T> {
  return {
    name: `Tuple(${members.map(({ name, type }) => `${name} ${type.name}`).join(', ')})`,
    prefix(out) {
      for (const { type } of members) type.prefix?.(out);
    },
    write(out, values) {
      for (const member of members) member.type.write(out, values.map(member.of));
    },
  };
}

/** A column of rows of type R: its name, its layout, and where its values come from. The values' own type is closed over by `column`. */
export interface Column<R> {
  readonly name: string;
  readonly type: ColumnType<unknown>;
  readonly of: (row: R) => unknown;
}

export function column<R, T>(name: string, type: ColumnType<T>, of: (row: R) => T): Column<R> {
  return { name, type: type as ColumnType<unknown>, of };
}

/** One block of Native. */
export function encodeBlock<R>(columns: readonly Column<R>[], rows: readonly R[]): Buffer {
  const out = new ByteWriter();
  out.varint(columns.length);
  out.varint(rows.length);
  for (const { name, type, of } of columns) {
    out.text(name);
    out.text(type.name);
    type.prefix?.(out);
    type.write(out, rows.map(of));
  }
  return out.written();
}

import type { Fault } from './faults.ts';
import { MAX_FAULTS, prefixFaults } from './faults.ts';
import { MAX_ITEMS, MAX_LONG, MIN_LONG } from './limits.ts';
import type { RecordNode, SchemaNode } from './schema.ts';
import { fieldwise } from './unroll.ts';
import type { ValueReason } from './validity.ts';

/** Whether values have the types that a schema says, in the two forms in which they come into the program other than as bytes. */
export interface Shape {
  /** Checks a value about to be encoded. Adds what is wrong, with paths relative to the value. */
  readonly check: (value: unknown, faults: Fault<ValueReason>[]) => void;
  /**
   * Makes a value of its JSON form: missing fields take their defaults, bytes are base64. Unknown fields are faults. What it returns is
   * worth nothing where it added faults.
   */
  fromJson(json: unknown, faults: Fault<ValueReason>[]): unknown;
  /** The JSON form of a value. */
  toJson(value: unknown): unknown;
}

type Faults = Fault<ValueReason>[];

/** Compiles one of our own schemas. */
export function compileShape(node: SchemaNode): Shape {
  switch (node.kind) {
    case 'null':
      return leaf('null', (value) => value === null);
    case 'boolean':
      return leaf('a boolean', (value) => typeof value === 'boolean');
    case 'int':
      return whole(-(2 ** 31), 2 ** 31 - 1);
    case 'long':
      return whole(MIN_LONG, MAX_LONG);
    case 'float':
    case 'double':
      return leaf('a number', (value) => typeof value === 'number');
    case 'string':
      return string;
    case 'enum': {
      const symbols = new Set<unknown>(node.symbols);
      return leaf(`one of ${node.symbols.join(', ')}`, (value) => symbols.has(value));
    }
    case 'bytes':
      return bytes;
    case 'union':
      return nullable(node.branches);
    case 'array':
      return array(compileShape(node.items));
    case 'record':
      return record(node);
    default:
      throw new TypeError(`no shape for ${node.kind}: none of the schemas has one`);
  }
}

function wrong(faults: Faults, expected: string): void {
  faults.push({ reason: 'wrong_shape', field: '', bound: `not ${expected}` });
}

/** A shape whose JSON form is the value itself. */
function plain(check: Shape['check']): Shape {
  return {
    check,
    fromJson(json, faults) {
      check(json, faults);
      return json;
    },
    toJson: (value) => value,
  };
}

function leaf(expected: string, holds: (value: unknown) => boolean): Shape {
  return plain((value, faults) => {
    if (!holds(value)) wrong(faults, expected);
  });
}

function whole(min: number, max: number): Shape {
  return plain((value, faults) => {
    if (!Number.isInteger(value)) wrong(faults, 'a whole number');
    else if ((value as number) < min || (value as number) > max)
      faults.push({ reason: 'number_out_of_range', field: '', bound: `outside ${min} to ${max}` });
  });
}

const string = plain((value, faults) => {
  if (typeof value !== 'string') wrong(faults, 'text');
  else if (!value.isWellFormed()) faults.push({ reason: 'not_well_formed', field: '', bound: 'a lone surrogate' });
});

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const bytes: Shape = {
  check(value, faults) {
    if (!Buffer.isBuffer(value)) wrong(faults, 'bytes');
  },
  fromJson(json, faults) {
    if (typeof json === 'string' && BASE64.test(json)) return Buffer.from(json, 'base64');
    wrong(faults, 'bytes in base64');
    return undefined;
  },
  toJson: (value) => (value as Buffer).toString('base64'),
};

function nullable(branches: readonly SchemaNode[]): Shape {
  const [first, second] = branches;
  if (branches.length !== 2 || first?.kind !== 'null' || second === undefined)
    throw new TypeError('no shape for a union other than null or something');
  const inner = compileShape(second);
  return {
    check(value, faults) {
      if (value !== null) inner.check(value, faults);
    },
    fromJson: (json, faults) => (json === null ? null : inner.fromJson(json, faults)),
    toJson: (value) => (value === null ? null : inner.toJson(value)),
  };
}

function array(item: Shape): Shape {
  const each = (values: unknown, faults: Faults, visit: (value: unknown) => void): void => {
    if (!Array.isArray(values)) wrong(faults, 'a list');
    else if (values.length > MAX_ITEMS) faults.push({ reason: 'too_many_items', field: '', bound: `over ${MAX_ITEMS} items` });
    else
      for (let i = 0; i < values.length && faults.length < MAX_FAULTS; i++) {
        const before = faults.length;
        visit(values[i]);
        if (faults.length > before) prefixFaults(faults, before, `[${i}]`);
      }
  };
  return {
    check: (values, faults) => each(values, faults, (value) => item.check(value, faults)),
    fromJson(json, faults) {
      const made: unknown[] = [];
      each(json, faults, (value) => made.push(item.fromJson(value, faults)));
      return made;
    },
    toJson: (values) => (values as readonly unknown[]).map((value) => item.toJson(value)),
  };
}

/** Names that may be told: others may carry what nobody opted in. */
const TELLABLE = /^[A-Za-z_]{1,64}$/;

function record(node: RecordNode): Shape {
  const fields = node.fields.map((field) => ({ name: field.name, shape: compileShape(field.type), default: field.default }));
  const names = new Set(fields.map((field) => field.name));
  const checkFields = fieldwise<Fault<ValueReason>>(
    fields.map(({ name, shape }) => ({ name, visit: shape.check })),
    prefixFaults,
  );
  return {
    check(value, faults) {
      if (typeof value !== 'object' || value === null) wrong(faults, 'an object');
      else checkFields(value, faults);
    },
    fromJson(json, faults) {
      if (typeof json !== 'object' || json === null || Array.isArray(json)) return wrong(faults, 'an object');
      const made: Record<string, unknown> = {};
      for (const { name, shape, default: preset } of fields) {
        const before = faults.length;
        if (Object.hasOwn(json, name)) made[name] = shape.fromJson((json as Readonly<Record<string, unknown>>)[name], faults);
        else if (preset !== undefined) made[name] = shape.fromJson(preset.value, faults);
        else faults.push({ reason: 'wrong_shape', field: '', bound: 'missing' });
        if (faults.length > before) prefixFaults(faults, before, name);
      }
      for (const name of Object.keys(json)) {
        if (names.has(name) || faults.length >= MAX_FAULTS) continue;
        faults.push({ reason: 'wrong_shape', field: TELLABLE.test(name) ? name : '', bound: 'an unknown field' });
      }
      return made;
    },
    toJson(value) {
      return Object.fromEntries(fields.map(({ name, shape }) => [name, shape.toJson((value as Readonly<Record<string, unknown>>)[name])]));
    },
  };
}

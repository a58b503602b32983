/** Zod schemas of the events' JSON form, made from the Avro schemas, for the OpenAPI document: one contract, written once. */
import { z } from '@hono/zod-openapi';
import { EVENT_NAMES, SCHEMAS } from '@idemtrace/schemas';

/** The parts of Avro's schema language that our schemas use. */
type AvroType =
  | string
  | readonly AvroType[]
  | {
      readonly type: string;
      readonly name?: string;
      readonly doc?: string;
      readonly logicalType?: string;
      readonly symbols?: readonly string[];
      readonly items?: AvroType;
      readonly fields?: readonly AvroField[];
    };

interface AvroField {
  readonly name: string;
  readonly type: AvroType;
  readonly doc?: string;
  readonly default?: unknown;
}

const PRIMITIVES: Readonly<Record<string, () => z.ZodType>> = {
  boolean: z.boolean,
  int: () => z.int32(),
  long: () => z.int(),
  float: z.number,
  double: z.number,
  string: z.string,
  bytes: () => z.base64(),
};

/** `named`: the records and enums so far, by name; a schema may name one of them. */
function zodOf(type: AvroType, named: Map<string, z.ZodType>): z.ZodType {
  if (typeof type === 'string') {
    const known = named.get(type) ?? PRIMITIVES[type]?.();
    if (known === undefined) throw new TypeError(`no JSON form of the Avro type ${type}`);
    return known;
  }
  if ('length' in type) {
    const inner = type.find((branch) => branch !== 'null');
    if (inner === undefined || type.length !== 2) throw new TypeError('no JSON form of a union other than null or something');
    return zodOf(inner, named).nullable();
  }
  switch (type.type) {
    case 'array':
      return z.array(zodOf(type.items ?? 'null', named));
    case 'enum':
      return remember(type, z.enum(type.symbols ?? []), named);
    case 'record':
      return remember(
        type,
        z.strictObject(Object.fromEntries((type.fields ?? []).map((field) => [field.name, fieldOf(field, named)]))),
        named,
      );
    default:
      return type.logicalType === 'uuid' ? z.string().openapi({ format: 'uuid' }) : zodOf(type.type, named);
  }
}

function fieldOf({ type, doc, ...field }: AvroField, named: Map<string, z.ZodType>): z.ZodType {
  const value = zodOf(type, named);
  const filled = 'default' in field ? value.default(field.default) : value;
  return doc === undefined ? filled : filled.describe(doc);
}

function remember(
  { name, doc }: { readonly name?: string; readonly doc?: string },
  schema: z.ZodType,
  named: Map<string, z.ZodType>,
): z.ZodType {
  if (name === undefined) throw new TypeError('an Avro record or enum without a name');
  const known = named.get(name);
  if (known !== undefined) return known;
  const described = schema.openapi(name, doc === undefined ? {} : { description: doc });
  named.set(name, described);
  return described;
}

const named = new Map<string, z.ZodType>();

/** What `value` of an event of each name looks like. Bounds of lengths and numbers are not in it: 400 tells them by field. */
export const EVENT_VALUES = EVENT_NAMES.map((name) => ({ name, value: zodOf(JSON.parse(SCHEMAS[name]) as AvroType, named) }));

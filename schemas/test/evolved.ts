/** Schemas as a later release might write them: what today's reader has to live with. */
import type { Schema, Type } from 'avsc';
import avro from 'avsc';
import { SCHEMAS } from '../src/generated/schemas.ts';
import type { RecordName } from '../src/index.ts';

interface FieldJson {
  name: string;
  type: unknown;
  default?: unknown;
}
export interface RecordJson {
  name: string;
  type: 'record';
  namespace: string;
  fields: FieldJson[];
}

export function schemaJson(name: RecordName): RecordJson {
  return JSON.parse(SCHEMAS[name]) as RecordJson;
}

/** Every enum gets a symbol more: in all places, since a type is defined where it is first used. */
export function addSymbol(json: unknown, symbol: string): void {
  if (typeof json !== 'object' || json === null) return;
  if ('symbols' in json && Array.isArray(json.symbols)) json.symbols.push(symbol);
  for (const inner of Object.values(json)) addSymbol(inner, symbol);
}

/** A writer with a field more at the front, one with a large number in the middle and a symbol more in every enum. */
export function evolved(name: RecordName): { readonly schema: string; readonly encode: (value: object) => Buffer } {
  const json = schemaJson(name);
  json.fields.unshift({ name: 'addedText', type: ['null', 'string'], default: null });
  json.fields.splice(3, 0, { name: 'addedLong', type: { type: 'array', items: 'long' }, default: [] });
  addSymbol(json, 'added');
  const schema = JSON.stringify(json);
  const type: Type = avro.Type.forSchema(JSON.parse(schema) as Schema, { wrapUnions: 'never' });
  return { schema, encode: (value) => type.toBuffer({ addedText: 'new', addedLong: [1, 2 ** 40], ...value }) };
}

import type { Schema, Type } from 'avsc';
import avro from 'avsc';
import { SCHEMAS } from './generated/schemas.ts';
import type { RecordName } from './generated/types.ts';

const types = new Map<RecordName, Type>();

/** The current schema of a record as the encoder knows it. Logical types are left out: a uuid is text, a time a number. */
export function avroType(name: RecordName): Type {
  let type = types.get(name);
  if (type === undefined) {
    // The library keeps the types that it has met in the options: they are new for each.
    type = avro.Type.forSchema(JSON.parse(SCHEMAS[name]) as Schema, { wrapUnions: 'never', omitRecordMethods: true });
    types.set(name, type);
  }
  return type;
}

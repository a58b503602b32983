import { SCHEMAS } from './generated/schemas.ts';
import type { RecordName } from './generated/types.ts';
import type { RecordNode } from './schema.ts';
import { parseSchema } from './schema.ts';

export const RECORD_NAMES = Object.keys(SCHEMAS) as readonly RecordName[];

/** Namespace of every type of ours. */
export const NAMESPACE = 'dev.idemtrace';

const parsed = new Map<RecordName, RecordNode>();

/** The current schema of a record as a tree. */
export function currentSchema(name: RecordName): RecordNode {
  let root = parsed.get(name);
  if (root === undefined) {
    const result = parseSchema(SCHEMAS[name]);
    if (!result.ok) throw new Error(`schemas/avro/${name}.avsc: ${result.detail}`);
    root = result.root;
    parsed.set(name, root);
  }
  return root;
}

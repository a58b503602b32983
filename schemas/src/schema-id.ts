import { createHash } from 'node:crypto';
import type { SchemaNode } from './schema.ts';
import { canonicalForm } from './schema.ts';

/**
 * Id of a schema where no registry gives one: the first 31 bits of the SHA-256 of its canonical form (a positive 32-bit number, as the wire
 * format wants it). Two texts that write the same bytes, say with other docs, share an id, as they may.
 */
export function schemaId(root: SchemaNode): number {
  return createHash('sha256').update(canonicalForm(root)).digest().readUInt32BE(0) >>> 1;
}

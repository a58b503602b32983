import type { RecordName } from './generated/types.ts';

/**
 * Where writer schemas come from. Adapters: `fileRegistry` (generated constants, no service), a Confluent-compatible registry later.
 * What it answers is not trusted: the codec checks every schema text before it is used.
 */
export interface SchemaRegistry {
  /** Id of a record's current schema. Throws `RegistryError`: `not_registered`, or `away` where it cannot be asked. */
  idOf(name: RecordName): Promise<number>;
  /**
   * The schema text of an id; undefined where there is no such id (its records are dead letters). Throws `RegistryError` with code `away`
   * where it cannot be asked: a reason to wait, never a reason for a dead letter.
   */
  schemaById(id: number): Promise<string | undefined>;
}

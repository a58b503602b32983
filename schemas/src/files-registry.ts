import { RegistryError } from './errors.ts';
import type { ReleasedSchema } from './generated/history.ts';
import { RELEASED, SCHEMA_IDS } from './generated/history.ts';
import { SCHEMAS } from './generated/schemas.ts';
import type { RecordName } from './generated/types.ts';
import type { SchemaRegistry } from './registry.ts';

/** The schemas of this build as a registry: the current ones and every released one, as constants. Asks no service, reads no file. */
export function fileRegistry(released: readonly ReleasedSchema[] = RELEASED): SchemaRegistry {
  const byId = new Map<number, string>(released.map(({ id, schema }) => [id, schema]));
  for (const [name, id] of Object.entries(SCHEMA_IDS)) byId.set(id, SCHEMAS[name as RecordName]);
  return {
    async idOf(name) {
      const id = SCHEMA_IDS[name];
      if (id === undefined) throw new RegistryError('not_registered', 'no schema of this name');
      return id;
    },
    async schemaById(id) {
      return byId.get(id);
    },
  };
}

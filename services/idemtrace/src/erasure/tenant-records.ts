/** Which records are a tenant's. */
import { type Codec, parseEventKey, type RawRecord } from '@idemtrace/schemas';

export type Belongs = (record: Pick<RawRecord, 'key' | 'value'>) => Promise<boolean>;

/**
 * A record is the tenant's by its key, or by what it says, whatever its key: an event under a wrong key is one, and so is the dead letter that
 * holds it. What has neither a key of the tenant's nor can be decoded is nobody's that could be told. Another tenant's record that names one of
 * the tenant's documents is the other's.
 */
export function belongingTo(tenantId: string, codec: Pick<Codec, 'decode'>): Belongs {
  const prefix = keyPrefixOf(tenantId);
  const name = Buffer.from(tenantId);
  const belongs: Belongs = async ({ key, value }) => {
    if (key?.subarray(0, prefix.length).equals(prefix) === true) return true;
    if (value?.includes(name) !== true) return false;
    const [decoded] = await codec.decode([{ key: undefined, value, logTime: 0 }]);
    if (decoded?.ok !== true) return false;
    const { record } = decoded;
    switch (record.name) {
      case 'RunEvent':
      case 'ToolCallEvent':
      case 'RetrievalEvent':
      case 'Alert':
        return record.value.tenantId === tenantId;
      case 'DeadLetter':
        return belongs(record.value);
      case 'ClockTick':
        return false;
    }
  };
  return belongs;
}

/** What the keys of a tenant's records begin with. */
export function keyPrefixOf(tenantId: string): Buffer {
  return Buffer.from(`${encodeURIComponent(tenantId)}/`);
}

/** The tenant of a record's key; undefined where the key is none. */
export function tenantOfKey(key: Buffer | null | undefined): string | undefined {
  return key === null || key === undefined ? undefined : parseEventKey(key.toString())?.tenantId;
}

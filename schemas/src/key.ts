import { KeyError } from './errors.ts';

/**
 * Key of an event's record: `tenant/workflow`, each part percent-encoded (RFC 3986 over UTF-8, as `encodeURIComponent` does it), so that one
 * workflow lives in one partition and no pair of ids shares a key with another.
 * Throws `KeyError`: `empty` where an id is empty, `not_well_formed` where one holds a lone surrogate.
 */
export function eventKey(tenantId: string, workflowId: string): string {
  if (tenantId === '' || workflowId === '') throw new KeyError('empty', 'a record key needs a tenant and a workflow: one of them is empty');
  if (!tenantId.isWellFormed() || !workflowId.isWellFormed())
    throw new KeyError('not_well_formed', 'a record key needs well-formed ids: one of them holds a lone surrogate');
  return `${encodeURIComponent(tenantId)}/${encodeURIComponent(workflowId)}`;
}

/** The ids of which `eventKey` made a key; undefined for any other text. */
export function parseEventKey(key: string): { readonly tenantId: string; readonly workflowId: string } | undefined {
  const slash = key.indexOf('/');
  if (slash <= 0 || slash === key.length - 1) return undefined;
  try {
    const tenantId = decodeURIComponent(key.slice(0, slash));
    const workflowId = decodeURIComponent(key.slice(slash + 1));
    return eventKey(tenantId, workflowId) === key ? { tenantId, workflowId } : undefined;
  } catch {
    return undefined;
  }
}

/** Characters that percent-encoding leaves as they are. */
const PLAIN = new Uint8Array(128);
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()") PLAIN[char.charCodeAt(0)] = 1;

/** Whether a record's key is `eventKey(tenantId, workflowId)`; compares bytes, since nearly all ids need no encoding. */
export function isKeyOf(key: Buffer, tenantId: string, workflowId: string): boolean {
  const split = tenantId.length;
  if (
    key.length === split + 1 + workflowId.length &&
    key[split] === 0x2f &&
    matchesPlain(key, 0, tenantId) &&
    matchesPlain(key, split + 1, workflowId)
  )
    return split > 0 && workflowId.length > 0;
  if (tenantId === '' || workflowId === '' || !tenantId.isWellFormed() || !workflowId.isWellFormed()) return false;
  return key.toString('latin1') === eventKey(tenantId, workflowId);
}

function matchesPlain(key: Buffer, from: number, id: string): boolean {
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    if (key[from + i] !== code || PLAIN[code] !== 1) return false;
  }
  return true;
}

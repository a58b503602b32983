import { hash, timingSafeEqual } from 'node:crypto';

export interface TenantKey {
  readonly tenantId: string;
  readonly key: string;
}

/** Options that no gateway can be made of. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: 'ambiguous_key';
  constructor(code: 'ambiguous_key', message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Answers the tenant of an `authorization` header; undefined where there is none. Compares digests in constant time, so that an answer's time
 * tells nothing of a key. Throws GatewayError where one key is of two tenants.
 */
export function authenticator(keys: readonly TenantKey[]): (authorization: string | undefined) => string | undefined {
  const known = keys.map(({ key, tenantId }) => ({ digest: hash('sha256', key, 'buffer'), tenantId }));
  const tenants = new Map<string, string>();
  for (const { digest, tenantId } of known) {
    const text = digest.toString('hex');
    if ((tenants.get(text) ?? tenantId) !== tenantId)
      throw new GatewayError('ambiguous_key', 'One key is of two tenants: give each its own.');
    tenants.set(text, tenantId);
  }
  return (authorization) => {
    const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (given === undefined) return undefined;
    const digest = hash('sha256', given, 'buffer');
    return known.filter((key) => timingSafeEqual(key.digest, digest))[0]?.tenantId;
  };
}

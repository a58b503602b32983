import { hash, hkdfSync } from 'node:crypto';
import { type MacKey, macKey } from './mac.ts';
import { encodeParts } from './parts.ts';
import { type SipKey, sipKey } from './siphash.ts';

export interface HashKeyPair {
  /** Travels with every digest as `hashKeyId`; 1 to 64 printable ASCII characters, no space. */
  readonly id: string;
  /** At least 32 bytes (a string counts as its UTF-8 bytes). */
  readonly secret: Uint8Array | string;
  /**
   * Of one tenant alone, at least 16 bytes, kept apart from the secret (so the hash key is a function). Where it is destroyed, digests of that
   * tenant cannot be computed again, by the holder of the secret neither. A pair with another salt is another key: give it another id.
   */
  readonly salt?: Uint8Array | string;
}

/**
 * A secret and, while it is being rotated, the one before it: events then carry digests under both. Keep both for a window of the detector, so that
 * what was done under the old key alone has left it when the old one goes.
 */
export interface HashKeyRing extends HashKeyPair {
  readonly previous?: HashKeyPair;
}

/**
 * One secret for all tenants (each tenant's keys are derived from it), or a function that knows each tenant's. It is asked again once the tenant was
 * forgotten: to be sure that all use a new key, restart the emitter.
 */
export type HashKey = HashKeyRing | ((tenantId: string) => HashKeyRing);

/** A hash key that cannot be used. The text never holds the secret. */
export class HashKeyError extends Error {
  override readonly name = 'HashKeyError';
  readonly code = 'invalid_hash_key';
}

/** Keys of one tenant under one secret: one for each purpose, so that a digest made for one says nothing of another. */
export interface TenantKeys {
  readonly hashKeyId: string;
  /** All that events carry in digests, but leaves. */
  readonly hash: MacKey;
  /** Idempotency keys, which are sent downstream in clear. */
  readonly idempotencyKey: MacKey;
  /** Digests of leaves and member names. */
  readonly leaf: SipKey;
}

const LEAST_SECRET_BYTES = 32;
const LEAST_SALT_BYTES = 16;

/** Throws HashKeyError where a pair cannot be used. */
export function checkHashKey(ring: HashKeyRing): void {
  for (const pair of [ring, ring.previous]) if (pair !== undefined && !isUsable(pair)) refuse();
  if (ring.previous?.id === ring.id) refuse();
}

function isUsable({ id, secret, salt }: HashKeyPair): boolean {
  return /^[!-~]{1,64}$/.test(id) && holds(secret, LEAST_SECRET_BYTES) && holds(salt ?? secret, LEAST_SALT_BYTES);
}

function holds(value: unknown, leastBytes: number): boolean {
  return (typeof value === 'string' || value instanceof Uint8Array) && Buffer.byteLength(value) >= leastBytes;
}

function refuse(): never {
  throw new HashKeyError('a hash key has its own id, 1 to 64 characters, printable ASCII, and a secret of 32 bytes, salt of 16');
}

/**
 * HKDF-SHA-256 (RFC 5869), without salt unless the pair has one; `info` is ("idemtrace/1", purpose, tenant) as length-prefixed parts, the tenant as base64url of its
 * SHA-256: crypto libraries bound the length of `info`, and tenants' ids may be longer.
 */
export function deriveKeys({ id, secret, salt = '' }: HashKeyPair, tenantId: string): TenantKeys {
  const tenant = hash('sha256', tenantId, 'base64url');
  const derive = (purpose: string, bytes: number): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', secret, salt, encodeParts(['idemtrace/1', purpose, tenant]), bytes));
  return {
    hashKeyId: id,
    hash: macKey(derive('hash', 32)),
    idempotencyKey: macKey(derive('idempotency-key', 32)),
    leaf: sipKey(derive('leaf', 16)),
  };
}

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
  const isSalted = salt === undefined || bytesOf(salt) >= LEAST_SALT_BYTES;
  return /^[\x21-\x7e]{1,64}$/.test(id) && bytesOf(secret) >= LEAST_SECRET_BYTES && isSalted;
}

function bytesOf(value: unknown): number {
  return typeof value === 'string' || value instanceof Uint8Array ? Buffer.byteLength(value) : 0;
}

function refuse(): never {
  throw new HashKeyError(
    'a hash key needs an id of 1 to 64 printable ASCII characters, its own, a secret of at least 32 bytes, and a salt, if any, of at least 16',
  );
}

/**
 * HKDF-SHA-256 (RFC 5869), without salt unless the pair has one; `info` is ("idemtrace/1", purpose, tenant) as length-prefixed parts, the tenant as base64url of its
 * SHA-256: crypto libraries bound the length of `info`, and tenants' ids may be longer.
 */
export function deriveKeys(pair: HashKeyPair, tenantId: string): TenantKeys {
  const secret = pair.secret;
  const tenant = hash('sha256', tenantId, 'base64url');
  const derive = (purpose: string, bytes: number): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', secret, pair.salt ?? '', encodeParts(['idemtrace/1', purpose, tenant]), bytes));
  return {
    hashKeyId: pair.id,
    hash: macKey(derive('hash', 32)),
    idempotencyKey: macKey(derive('idempotency-key', 32)),
    leaf: sipKey(derive('leaf', 16)),
  };
}

import { hash } from 'node:crypto';
import type { DeclaredEffectScope, KeyedDigest } from '@idemtrace/schemas';
import type { EffectKeyParts } from './effect-key.ts';
import { checkHashKey, deriveKeys, type HashKey, type TenantKeys } from './keys.ts';
import { type LeafDigests, leafDigests } from './leaves.ts';
import { mac } from './mac.ts';
import { encodeParts } from './parts.ts';
import type { PlainJson } from './plain.ts';

/** What an idempotency key is made of: the same in every run. */
export interface IdempotencyParts {
  /** Left out of the key where the scope is the tenant. */
  readonly workflowId: string;
  readonly scope: DeclaredEffectScope;
  readonly effectName: string;
  /** Digest of the declared effect key under the tenant's current key, else the input hash under it. */
  readonly basis: readonly [what: 'effect-key' | 'input', digest: string];
  /** The agent's word that a second effect is meant. */
  readonly occurrence?: string | undefined;
}

/** What is digested. `downstream` is an idempotency key that was sent: events say which one, and nobody can use what they say as one. */
export type Digested = 'input' | 'query' | 'result' | 'occurrence' | 'approval' | 'downstream';

/**
 * Digests of one tenant. Every text is UTF-8; digests are base64url without padding: 43 characters of HMAC-SHA-256, 11 of SipHash. Lists are
 * under the current key first, then, while it is being rotated, under the one before.
 */
export class TenantIdentity {
  readonly #keys: readonly [current: TenantKeys, ...previous: TenantKeys[]];

  constructor(...keys: readonly [current: TenantKeys, ...previous: TenantKeys[]]) {
    this.#keys = keys;
  }

  /** Id of the current key: that of leaves, and of what goes downstream. */
  get hashKeyId(): string {
    return this.#keys[0].hashKeyId;
  }

  /** Of a canonical form (inputs, queries, results) or a text; none where there is none. */
  digests(what: Digested, text: string | undefined): KeyedDigest[] {
    return text === undefined ? [] : this.#under([what, text]);
  }

  effectKeyDigests(effectName: string, key: EffectKeyParts): KeyedDigest[] {
    return this.#under(['effect-key', key.scope, effectName, key.source, ...key.parts]);
  }

  /**
   * To be sent downstream, so that a service which honours it makes the effect once. Only one can be sent: it is under the current key, so a
   * change of keys changes it, and a retry across the change is not protected.
   */
  idempotencyKey(parts: IdempotencyParts): string {
    return mac(this.#keys[0].idempotencyKey, [
      'idempotency-key',
      parts.scope,
      parts.scope === 'tenant' ? '' : parts.workflowId,
      parts.effectName,
      ...parts.basis,
      ...(parts.occurrence === undefined ? [] : [parts.occurrence]),
    ]);
  }

  /**
   * Next digests of the chains that tell plans apart: each of its chain so far (none for the first call), an effect name and the input hash under
   * the same key (none where unhashable). Where the keys changed within a run, a chain goes on from the one before: it must not look like a start.
   */
  chainCalls(preceding: readonly KeyedDigest[], effectName: string, inputHashes: readonly KeyedDigest[]): KeyedDigest[] {
    return this.#keys.map(({ hashKeyId }) => {
      const under = (pairs: readonly KeyedDigest[]) => pairs.find((pair) => pair.hashKeyId === hashKeyId);
      const before = (under(preceding) ?? preceding[0])?.digest ?? '';
      return { hashKeyId, digest: hash('sha256', encodeParts([before, effectName, under(inputHashes)?.digest ?? '']), 'base64url') };
    });
  }

  /** Under the current key alone, also while it is being rotated: see `hashKeyId`. */
  leaves(value: PlainJson | undefined): LeafDigests {
    return leafDigests(value, this.#keys[0].leaf);
  }

  #under(parts: readonly string[]): KeyedDigest[] {
    return this.#keys.map(({ hashKeyId, hash: key }) => ({ hashKeyId, digest: mac(key, parts) }));
  }
}

/** Finds each tenant's identity, deriving its keys once. */
export class IdentityProvider {
  readonly #hashKey: HashKey;
  readonly #known = new Map<string, TenantIdentity>();
  /** Derived keys of most this many tenants are kept. */
  readonly #capacity: number;

  /** Throws HashKeyError where the key cannot be used; a function's answers are checked as they are used. */
  constructor(hashKey: HashKey, capacity = 1024) {
    if (typeof hashKey !== 'function') checkHashKey(hashKey);
    this.#hashKey = hashKey;
    this.#capacity = capacity;
  }

  /** Throws HashKeyError, or what the function of the hash key throws. */
  forTenant(tenantId: string): TenantIdentity {
    const known = this.#known.get(tenantId);
    if (known !== undefined) return known;
    const ring = typeof this.#hashKey === 'function' ? this.#hashKey(tenantId) : this.#hashKey;
    checkHashKey(ring);
    const previous = ring.previous === undefined ? [] : [deriveKeys(ring.previous, tenantId)];
    const identity = new TenantIdentity(deriveKeys(ring, tenantId), ...previous);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < this.#capacity) break;
      this.#known.delete(oldest);
    }
    this.#known.set(tenantId, identity);
    return identity;
  }
}

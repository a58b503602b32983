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
  readonly basis: { readonly effectKey: string } | { readonly inputHash: string };
  /** The agent's word that a second effect is meant. */
  readonly occurrence?: string | undefined;
}

/** Digests of one tenant. Every text is UTF-8; digests are base64url without padding: 43 characters of HMAC-SHA-256, 11 of SipHash. */
export class TenantIdentity {
  readonly #current: TenantKeys;
  readonly #rings: readonly TenantKeys[];

  constructor(current: TenantKeys, previous?: TenantKeys) {
    this.#current = current;
    this.#rings = previous === undefined ? [current] : [current, previous];
  }

  /** Of a canonical form: under the current key first, then, during rotation, under the one before. */
  inputHashes(canonical: string): KeyedDigest[] {
    return this.#under('hash', ['input', canonical]);
  }

  queryHashes(canonical: string): KeyedDigest[] {
    return this.#under('hash', ['query', canonical]);
  }

  resultHash(canonical: string): KeyedDigest {
    return keyed(this.#current, 'hash', ['result', canonical]);
  }

  effectKeyDigests(effectName: string, key: EffectKeyParts): KeyedDigest[] {
    return this.#under('effectKey', ['effect-key', key.scope, effectName, key.source, ...key.parts]);
  }

  occurrence(text: string): KeyedDigest {
    return keyed(this.#current, 'effectKey', ['occurrence', text]);
  }

  approval(approvalId: string): KeyedDigest {
    return keyed(this.#current, 'effectKey', ['approval', approvalId]);
  }

  /** To be sent downstream, so that a service which honours it makes the effect once. */
  idempotencyKey(parts: IdempotencyParts): string {
    return mac(this.#current.idempotencyKey, [
      'idempotency-key',
      parts.scope,
      parts.scope === 'tenant' ? '' : parts.workflowId,
      parts.effectName,
      ...('effectKey' in parts.basis ? ['effect-key', parts.basis.effectKey] : ['input', parts.basis.inputHash]),
      ...(parts.occurrence === undefined ? [] : [parts.occurrence]),
    ]);
  }

  /** Of an idempotency key: says in events which one was sent, without being usable as one. */
  downstreamKey(idempotencyKey: string): string {
    return mac(this.#current.idempotencyKey, ['downstream', idempotencyKey]);
  }

  leaves(value: PlainJson | undefined): LeafDigests {
    return leafDigests(value, this.#current.leaf);
  }

  #under(purpose: 'hash' | 'effectKey', parts: readonly string[]): KeyedDigest[] {
    return this.#rings.map((keys) => keyed(keys, purpose, parts));
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
    const identity = new TenantIdentity(
      deriveKeys(ring, tenantId),
      ring.previous === undefined ? undefined : deriveKeys(ring.previous, tenantId),
    );
    const oldest = this.#known.size >= this.#capacity ? this.#known.keys().next() : undefined;
    if (oldest !== undefined && !oldest.done) this.#known.delete(oldest.value);
    this.#known.set(tenantId, identity);
    return identity;
  }
}

/** Next digest of the chain that tells plans apart: of the chain so far, an effect name and an input hash (empty where unhashable). */
export function chainCalls(preceding: string | null, effectName: string, inputHash: string): string {
  return hash('sha256', encodeParts([preceding ?? '', effectName, inputHash]), 'base64url');
}

function keyed(keys: TenantKeys, purpose: 'hash' | 'effectKey', parts: readonly string[]): KeyedDigest {
  return { hashKeyId: keys.hashKeyId, digest: mac(keys[purpose], parts) };
}

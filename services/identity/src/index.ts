export { type Canonical, canonicalForm, canonicalText } from './canonical.ts';
export { declaredKey, type EffectKeyParts, inferredKey, keyAtPaths } from './effect-key.ts';
export { type IdempotencyParts, IdentityProvider, TenantIdentity } from './identity.ts';
export { checkHashKey, deriveKeys, type HashKey, HashKeyError, type HashKeyPair, type HashKeyRing, type TenantKeys } from './keys.ts';
export { isIdName, isIdValue, type Kind, kindOf } from './kind.ts';
export { type LeafDigests, leafDigests, MAX_LEAVES, normalizeText, scalarText } from './leaves.ts';
export { type Path, parsePath, removeAt, valuesAt } from './paths.ts';
export { MAX_CANONICAL_BYTES, MAX_DEPTH, type PlainJson, type PlainResult, toPlainJson, type UnhashableCode } from './plain.ts';
export { type SipKey, sipHash, sipKey } from './siphash.ts';

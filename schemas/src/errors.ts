import type { InvalidReason } from './validity.ts';

/**
 * - `not_registered`: the registry has no such schema
 * - `away`: it cannot be asked now; that passes by itself: wait and ask again
 * - `not_allowed`: it refuses this client: wrong credentials, or a permission that is missing
 * - `incompatible`: the schema cannot follow the versions that are registered
 * - `no_registry`: what is at the address is no registry
 * - `refused`: it refuses what is asked, for another reason
 */
export type RegistryErrorCode = 'not_registered' | 'away' | 'not_allowed' | 'incompatible' | 'no_registry' | 'refused';

/** The registry cannot answer, or answers with a refusal. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;
  constructor(code: RegistryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A value that the codec refuses to write. The message names record, field and bound, never a value. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
  readonly code = 'invalid';
  readonly reason: InvalidReason;
  /** Path of the field, e.g. `effectKey.digests[1].digest`; empty where the record as a whole is refused. */
  readonly field: string;
  constructor(reason: InvalidReason, field: string, message: string) {
    super(message);
    this.reason = reason;
    this.field = field;
  }
}

export type KeyErrorCode = 'empty' | 'not_well_formed';

/** Ids of which no record key can be made. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
  readonly code: KeyErrorCode;
  constructor(code: KeyErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

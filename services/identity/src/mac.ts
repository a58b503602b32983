import { hash } from 'node:crypto';
import { spaceFor, writeParts } from './parts.ts';

/** A key for HMAC-SHA-256 (RFC 2104), with its two paddings made. */
export interface MacKey {
  readonly inner: Buffer;
  /** With room for the inner digest. */
  readonly outer: Buffer;
}

const BLOCK = 64;
const DIGEST = 32;

/** Key of at most 64 bytes. */
export function macKey(key: Uint8Array): MacKey {
  const padded = (pad: number, room: number): Buffer => {
    const bytes = Buffer.alloc(BLOCK + room);
    for (let index = 0; index < BLOCK; index++) bytes[index] = (key[index] ?? 0) ^ pad;
    return bytes;
  };
  return { inner: padded(0x36, 0), outer: padded(0x5c, DIGEST) };
}

let scratch = Buffer.alloc(16_384);

/**
 * HMAC-SHA-256 of length-prefixed parts, base64url. Two one-shot hashes: half the time of `createHmac`, whose objects cost more than hashing
 * what a tool call is asked with. Held to `createHmac` by a test.
 */
export function mac(key: MacKey, parts: readonly string[]): string {
  const space = BLOCK + spaceFor(parts);
  if (space > scratch.length) scratch = Buffer.alloc(space);
  key.inner.copy(scratch);
  const end = writeParts(scratch, BLOCK, parts);
  // As latin1 text: cheaper than a buffer for 32 bytes.
  key.outer.write(hash('sha256', scratch.subarray(0, end), 'binary'), BLOCK, 'latin1');
  return hash('sha256', key.outer, 'base64url');
}

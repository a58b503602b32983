import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashBytes, sipHash, sipKey } from '../src/siphash.ts';

const reference = JSON.parse(readFileSync(new URL('../vectors/siphash-2-4.json', import.meta.url), 'utf8')) as {
  readonly key: string;
  readonly digests: readonly string[];
};
const key = sipKey(Buffer.from(reference.key, 'hex'));
const message = Uint8Array.from({ length: 64 }, (_, index) => index);
const padded = Buffer.alloc(72);

test('all 64 vectors of the reference implementation', () => {
  const digest = new Int32Array(2);
  const digests = reference.digests.map((_, length) => {
    padded.set(message);
    hashBytes(key, padded, length, digest);
    const bytes = Buffer.alloc(8);
    bytes.writeInt32LE(digest[0] ?? 0, 0);
    bytes.writeInt32LE(digest[1] ?? 0, 4);
    return bytes.toString('hex');
  });
  expect(digests).toEqual(reference.digests);
  expect(digests).toHaveLength(64);
});

test('ASCII texts give the vectors in base64url', () => {
  for (let length = 0; length < 64; length++) {
    const text = String.fromCharCode(...message.subarray(0, length));
    expect(sipHash(key, text)).toBe(Buffer.from(reference.digests[length] ?? '', 'hex').toString('base64url'));
  }
});

/** SipHash-2-4 in BigInt, written from the paper: slow and plain. */
function slow(bytes: Uint8Array): string {
  const mask = (1n << 64n) - 1n;
  const rotate = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (64n - by))) & mask;
  const k0 = Buffer.from(reference.key, 'hex').readBigUInt64LE(0);
  const k1 = Buffer.from(reference.key, 'hex').readBigUInt64LE(8);
  let [v0, v1, v2, v3] = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn, k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n];
  const round = (): void => {
    v0 = (v0 + v1) & mask;
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = (v2 + v3) & mask;
    v3 = rotate(v3, 16n) ^ v2;
    v0 = (v0 + v3) & mask;
    v3 = rotate(v3, 21n) ^ v0;
    v2 = (v2 + v1) & mask;
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const padded = Buffer.alloc((Math.floor(bytes.length / 8) + 1) * 8);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length & 0xff;
  for (let at = 0; at < padded.length; at += 8) {
    const block = padded.readBigUInt64LE(at);
    v3 ^= block;
    round();
    round();
    v0 ^= block;
  }
  v2 ^= 0xffn;
  for (let count = 0; count < 4; count++) round();
  const digest = Buffer.alloc(8);
  digest.writeBigUInt64LE(v0 ^ v1 ^ v2 ^ v3);
  return digest.toString('base64url');
}

test('any text, short or long, in any script, gives what a plain implementation gives', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', maxLength: 3000 })), (text) => {
      expect(sipHash(key, text)).toBe(slow(Buffer.from(text)));
    }),
  );
});

/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) of a text's UTF-8 bytes, as 11 characters of base64url.
 *
 * Written out on 32-bit halves: the package `siphash` allocates an object per 64-bit step and is several times slower, BigInt slower still,
 * and an event of 32 leaves must stay cheap. Held to the 64 vectors of the reference implementation.
 */

/** Four 32-bit words: k0 low, k0 high, k1 low, k1 high. */
export type SipKey = Int32Array;

/** Key of 16 bytes. */
export function sipKey(bytes: Uint8Array): SipKey {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  return Int32Array.of(view.getInt32(0, true), view.getInt32(4, true), view.getInt32(8, true), view.getInt32(12, true));
}

let scratch = Buffer.alloc(1024);
const words = new Int32Array(2);
const digest = Buffer.alloc(8);

/** Digest of a text. */
export function sipHash(key: SipKey, text: string): string {
  const space = text.length * 3 + 8;
  if (space > scratch.length) scratch = Buffer.alloc(space);
  hashBytes(key, scratch, scratch.write(text), words);
  digest.writeInt32LE(at(words, 0), 0);
  digest.writeInt32LE(at(words, 1), 4);
  return digest.toString('base64url');
}

/** Digest of the first `length` bytes, as low and high word in `out`. Pads them in place: up to 8 bytes more are overwritten. */
export function hashBytes(key: SipKey, bytes: Buffer, length: number, out: Int32Array): void {
  const k0l = at(key, 0);
  const k0h = at(key, 1);
  const k1l = at(key, 2);
  const k1h = at(key, 3);
  let v0l = k0l ^ 0x70736575;
  let v0h = k0h ^ 0x736f6d65;
  let v1l = k1l ^ 0x6e646f6d;
  let v1h = k1h ^ 0x646f7261;
  let v2l = k0l ^ 0x6e657261;
  let v2h = k0h ^ 0x6c796765;
  let v3l = k1l ^ 0x79746573;
  let v3h = k1h ^ 0x74656462;

  // The last block is filled up with zeros and ends in the length.
  const end = (length | 7) + 1;
  bytes.fill(0, length, end);
  bytes[end - 1] = length;
  // One block more than the message has: the finalization, four rounds on an empty block.
  for (let index = 0; index <= end; index += 8) {
    let ml = 0;
    let mh = 0;
    let rounds = 2;
    if (index < end) {
      ml = bytes.readInt32LE(index);
      mh = bytes.readInt32LE(index + 4);
    } else {
      v2l ^= 0xff;
      rounds = 4;
    }
    v3l ^= ml;
    v3h ^= mh;
    for (let round = 0; round < rounds; round++) {
      // v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32)
      let low = (v0l >>> 0) + (v1l >>> 0);
      v0h = (v0h + v1h + (low > 0xffffffff ? 1 : 0)) | 0;
      v0l = low | 0;
      let turned = (v1l << 13) | (v1h >>> 19);
      v1h = ((v1h << 13) | (v1l >>> 19)) ^ v0h;
      v1l = turned ^ v0l;
      turned = v0l;
      v0l = v0h;
      v0h = turned;
      // v2 += v3; v3 = rotl(v3, 16) ^ v2
      low = (v2l >>> 0) + (v3l >>> 0);
      v2h = (v2h + v3h + (low > 0xffffffff ? 1 : 0)) | 0;
      v2l = low | 0;
      turned = (v3l << 16) | (v3h >>> 16);
      v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h;
      v3l = turned ^ v2l;
      // v0 += v3; v3 = rotl(v3, 21) ^ v0
      low = (v0l >>> 0) + (v3l >>> 0);
      v0h = (v0h + v3h + (low > 0xffffffff ? 1 : 0)) | 0;
      v0l = low | 0;
      turned = (v3l << 21) | (v3h >>> 11);
      v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h;
      v3l = turned ^ v0l;
      // v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32)
      low = (v2l >>> 0) + (v1l >>> 0);
      v2h = (v2h + v1h + (low > 0xffffffff ? 1 : 0)) | 0;
      v2l = low | 0;
      turned = (v1l << 17) | (v1h >>> 15);
      v1h = ((v1h << 17) | (v1l >>> 15)) ^ v2h;
      v1l = turned ^ v2l;
      turned = v2l;
      v2l = v2h;
      v2h = turned;
    }
    v0l ^= ml;
    v0h ^= mh;
  }
  out[0] = v0l ^ v1l ^ v2l ^ v3l;
  out[1] = v0h ^ v1h ^ v2h ^ v3h;
}

function at(values: Int32Array, index: number): number {
  return values[index] as number;
}

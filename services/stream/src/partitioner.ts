/** The variant of MurmurHash2 that Kafka's clients share, as a signed 32-bit number. Source: Apache Kafka, `Utils.murmur2` (Java client). */
export function murmur2(bytes: Uint8Array): number {
  const multiplier = 0x5bd1e995;
  const length = bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  let hash = 0x9747b28c ^ length;
  const whole = length & ~3;
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(view.getInt32(at, true), multiplier);
    word ^= word >>> 24;
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier);
  }
  if (whole < length) {
    for (let at = length - 1; at >= whole; at--) hash ^= view.getUint8(at) << ((at - whole) * 8);
    hash = Math.imul(hash, multiplier);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, multiplier);
  return hash ^ (hash >>> 15);
}

/** Partition of a key among `partitions`, as Kafka's default partitioner gives it: the hash with its sign bit cleared, modulo. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

import { expect, test } from 'vitest';
import { murmur2, partitionOf } from '../src/partitioner.ts';

// Apache Kafka, clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java, testMurmur2.
const vectors: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

test.each(vectors)('a key gets the hash that the Java client gives it: %s', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash);
});

test('a key in the middle of a larger buffer hashes as it does alone', () => {
  expect(murmur2(Buffer.from('xxfoobarxx').subarray(2, 8))).toBe(-790332482);
});

test('a negative hash gives a partition as Java does: sign bit cleared, not the absolute value', () => {
  expect(partitionOf(Buffer.from('foobar'), 6)).toBe((-790332482 & 0x7fffffff) % 6);
  expect(partitionOf(Buffer.from('foobar'), 6)).not.toBe(790332482 % 6);
});

test('every partition gets its share of many keys', () => {
  const counts = new Array<number>(6).fill(0);
  for (let n = 0; n < 6000; n++) {
    const partition = partitionOf(Buffer.from(`tenant-${n % 7}/workflow-${n}`), 6);
    counts[partition] = (counts[partition] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(800);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assign } from '../src/assignment.ts';

const free = (count: number) => Array.from({ length: count }, (_, partition) => ({ partition, member: undefined }));

test('one member gets everything, nobody gets anything where there is none', () => {
  expect([...assign(['a'], free(3))].sort()).toEqual([
    [0, 'a'],
    [1, 'a'],
    [2, 'a'],
  ]);
  expect(assign([], free(3)).size).toBe(0);
});

test('a member that joins gets its part, and no partition moves between the others', () => {
  const shares = ['a', 'a', 'a', 'b', 'b', 'b'].map((member, partition) => ({ partition, member }));
  const next = assign(['a', 'b', 'c'], shares);
  expect([0, 1, 2, 3, 4, 5].map((partition) => next.get(partition))).toEqual(['a', 'a', 'c', 'b', 'b', 'c']);
});

test('whoever joins or leaves, every partition has one owner, parts differ by one at most, and no more move than must', () => {
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), { minLength: 1 });
  fc.assert(
    fc.property(names, names, fc.integer({ min: 1, max: 20 }), (before, after, count) => {
      const owners = assign(before, free(count));
      const shares = free(count).map(({ partition }) => ({ partition, member: owners.get(partition) }));
      const next = assign(after, shares);
      expect([...next.keys()].sort((left, right) => left - right)).toEqual(shares.map(({ partition }) => partition));
      const sizes = after.map((member) => [...next.values()].filter((owner) => owner === member).length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      const kept = shares.filter(({ partition, member }) => next.get(partition) === member).length;
      const staying = after.map((member) => shares.filter((share) => share.member === member).length).sort((left, right) => right - left);
      const parts = [...sizes].sort((left, right) => right - left);
      expect(kept).toBe(staying.reduce((sum, owned, rank) => sum + Math.min(owned, parts[rank] ?? 0), 0));
      expect(assign(after, shares)).toEqual(next);
    }),
  );
});

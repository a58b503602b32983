import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRandom } from '../simulation/random.ts';
import { differenceOf } from './check/difference.ts';
import { FAULT_KINDS, killsOf, scheduleOf } from './faults/schedule.ts';

test('a schedule follows from its seed, has every kind of fault, and exactly as many kills as are asked for', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 10, max: 80 }), (seed, kills) => {
      const schedule = scheduleOf(createRandom(seed), { kills });
      expect(scheduleOf(createRandom(seed), { kills })).toEqual(schedule);
      expect(new Set(schedule)).toEqual(new Set(FAULT_KINDS));
      expect(killsOf(schedule)).toBe(kills);
    }),
  );
});

test('a difference tells what is missing, what is too many, and how often', () => {
  expect(differenceOf('alert', ['a', 'b', 'b', 'c'], ['c', 'b', 'd', 'd', 'a'])).toEqual([
    'missing alert, 1 times: b',
    'alert too many, 2 times: d',
  ]);
  expect(differenceOf('alert', ['a', 'b'], ['b', 'a'])).toEqual([]);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { uuidv7 } from '../src/uuid.ts';

test('ids are UUIDs of version 7 that sort by time, and none comes twice', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 2 }), (now) => {
      const id = uuidv7(now);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(Number.parseInt(id.slice(0, 13).replace('-', ''), 16)).toBe(now);
      expect(id < uuidv7(now + 1)).toBe(true);
    }),
  );
  expect(new Set(Array.from({ length: 20_000 }, () => uuidv7(1))).size).toBe(20_000);
});

/** Redis answers as the plain store does: in whichever batches, whatever comes again, and however often its pages are made small. */
import { randomUUID } from 'node:crypto';
import { sharedRedis } from '@idemtrace/local-services/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectRedisWindows, type RedisWindows } from '../src/windows/redis/index.ts';
import { alertsOf, batchOf, positionedOf } from './judging.ts';
import { PlainWindows } from './plain-windows.ts';
import { hotStory, stories } from './stories.ts';

let url: string;
const stores: RedisWindows[] = [];

beforeAll(async () => {
  url = (await sharedRedis()).url;
});
afterAll(() => Promise.all(stores.map((store) => store.close())));

async function redis(windowMs: number, pageBytes: number): Promise<RedisWindows> {
  const store = await connectRedisWindows({ url, windowMs, pageBytes });
  stores.push(store);
  return store;
}

test.each([
  [16_384, 40],
  [1_500, 15],
])('W1, W2: random stories, in random batches, some applied again, pages of %i bytes', async (pageBytes, numRuns) => {
  const judging = { windowMs: 1_500, windowId: randomUUID() };
  const store = await redis(judging.windowMs, pageBytes);
  await fc.assert(
    fc.asyncProperty(stories(120), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }), async (story, sizes) => {
      const expected = await alertsOf(story, { ...judging, store: new PlainWindows(judging), batchOf: () => 10 });
      const positioned = positionedOf(story);
      let before = { from: 0, to: 0 };
      const between = async (n: number, from: number) => {
        // A reply was lost: the batch before is applied again. Now and then by a zombie, which knows an older commit.
        if (n % 3 === 1) {
          const facts = batchOf(positioned.slice(before.from, before.to));
          await store.apply({ partition: 0, windowId: judging.windowId, ...before, committed: before.from, facts });
        }
        before = { from, to: from + (sizes[n % sizes.length] ?? 1) };
      };
      expect(await alertsOf(story, { ...judging, store, batchOf: (n) => sizes[n % sizes.length] ?? 1, between })).toEqual(expected);
    }),
    { numRuns },
  );
});

test.each([
  [1, 16_384],
  [7, 16_384],
  [7, 1_000],
  [500, 16_384],
])('W2: a hot key of 500 executions in batches of %i, folded and split into pages of %i bytes', async (size, pageBytes) => {
  const judging = { windowMs: 600_000, windowId: randomUUID() };
  const story = hotStory(500, 300);
  const expected = await alertsOf(story, { ...judging, store: new PlainWindows(judging), batchOf: () => 50 });
  expect(await alertsOf(story, { ...judging, store: await redis(judging.windowMs, pageBytes), batchOf: () => size })).toEqual(expected);
});

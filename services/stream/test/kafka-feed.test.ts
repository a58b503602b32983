import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Feed } from '../src/kafka/feed.ts';
import type { Chunk } from '../src/kafka/fetch.ts';

function chunk(from: number, count: number): Chunk {
  const records = Array.from({ length: count }, (_, n) => ({
    topic: 'topic',
    partition: 0,
    offset: from + n,
    logTime: 0,
    key: null,
    value: Buffer.from('0123456789'),
    headers: {},
  }));
  return { from, to: from + count, records, bytes: 10 * count, end: from + count };
}

/** A feed that was brought so many records by each fetch. */
function fed(counts: readonly number[], limits: { readonly maxRecords: number; readonly maxBytes: number }): Feed {
  const feed = new Feed(0, 0, limits, () => undefined);
  let from = 0;
  for (const count of counts) {
    feed.deliver(chunk(from, count), 0);
    from += count;
  }
  return feed;
}

test('what many small fetches brought while the handler was at work is one batch: a slow handler catches up', async () => {
  const feed = fed(
    Array.from({ length: 300 }, () => 3),
    { maxRecords: 500, maxBytes: 1_000_000 },
  );
  const sizes: (number | undefined)[] = [];
  for (let n = 0; n < 2; n++) sizes.push((await feed.take())?.records.length);
  expect(sizes).toEqual([500, 400]);
});

test('however fetches are cut, batches are whole, in order and within their bounds, also after a seek back to the last one', async () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 30 });
  const limits = { maxRecords: fc.integer({ min: 1, max: 20 }), maxBytes: fc.integer({ min: 1, max: 200 }) };
  await fc.assert(
    fc.asyncProperty(cuts, fc.record(limits), fc.infiniteStream(fc.boolean()), async (counts, bounds, again) => {
      const feed = fed(counts, bounds);
      const total = counts.reduce((sum, count) => sum + count, 0);
      for (let next = 0; next < total; ) {
        const batch = await feed.take();
        expect(batch?.from).toBe(next);
        expect(batch?.records.map(({ offset }) => offset)).toEqual(Array.from({ length: (batch?.to ?? 0) - next }, (_, n) => next + n));
        expect(batch?.records.length).toBeLessThanOrEqual(bounds.maxRecords);
        expect((batch?.records.length ?? 0) === 1 || (batch?.records.length ?? 0) * 10 <= bounds.maxBytes).toBe(true);
        if (again.next().value === true) expect(feed.goWithin(next)).toBe(true);
        else next = batch?.to ?? total;
      }
    }),
  );
});

/** What every window store owes (`src/windows/port.ts`), as one suite that each adapter runs. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fact } from '../src/domain/fact.ts';
import type { PlacedFact, WindowBatch, WindowStore } from '../src/windows/port.ts';

const WINDOW_MS = 10_000;
const WORKFLOW = 'acme/invoice-run';
const MARKER = { windowId: 'w', lo: 0, committed: 0, completeFrom: 0 };

function fact(id: string, offset: number, logTime = offset): Fact {
  return {
    kind: 'run',
    phase: 'started',
    id,
    offset,
    logTime,
    contentDigest: 2 ** 52 - id.length,
    runId: id,
  };
}

function placed(id: string, offset: number, { histories = ['h'], workflow = WORKFLOW, logTime = offset } = {}): PlacedFact {
  return { workflow, histories, fact: fact(id, offset, logTime) };
}

/** @param create a store of that window's length, empty */
export function windowConformance(name: string, create: (windowMs: number) => Promise<WindowStore>): void {
  describe(`windows of ${name}`, () => {
    let store: WindowStore;
    beforeEach(async () => {
      store = await create(WINDOW_MS);
    });
    afterEach(() => store.close());

    const apply = (from: number, to: number, facts: readonly PlacedFact[] = [], more: Partial<WindowBatch> = {}) =>
      store.apply({ partition: 0, windowId: 'w', from, to, committed: from, facts, ...more });
    const view = async (from: number, to: number, facts: readonly PlacedFact[] = []) => {
      const applied = await apply(from, to, facts);
      if (applied.status === 'lost') throw new Error('lost');
      return applied.view;
    };

    test('W5: without a marker nothing is written, and the answer is lost', async () => {
      expect(await apply(0, 2, [placed('a', 0)])).toEqual({ status: 'lost' });
      await store.begin(0, MARKER);
      expect((await view(0, 2)).history(WORKFLOW, 'h').facts).toEqual([]);
    });

    test('W5: a batch that the marker does not reach, or of another window, is lost and writes nothing', async () => {
      await store.begin(0, MARKER);
      await apply(0, 5, [placed('a', 0)]);
      expect(await apply(6, 8, [placed('b', 6)])).toEqual({ status: 'lost' });
      expect(await apply(5, 8, [placed('b', 5)], { windowId: 'other' })).toEqual({ status: 'lost' });
      expect((await view(5, 5)).history(WORKFLOW, 'h').facts.map((f) => f.id)).toEqual(['a']);
    });

    test('W5: a batch below the window’s start is lost', async () => {
      await store.begin(0, { ...MARKER, lo: 10 });
      expect(await apply(8, 12)).toEqual({ status: 'lost' });
    });

    test('the marker moves forward only, and is read back whole', async () => {
      await store.begin(0, { ...MARKER, lo: 3, completeFrom: 77 });
      await apply(3, 9, [], { committed: 5 });
      await apply(4, 6, [], { committed: 4 });
      expect(await store.marker(0)).toEqual({ windowId: 'w', lo: 3, hi: 9, committed: 5, completeFrom: 77 });
      expect(await store.marker(1)).toBeUndefined();
    });

    test('begin forgets what the partition held, and only that partition', async () => {
      await store.begin(0, MARKER);
      await store.begin(1, MARKER);
      await apply(0, 1, [placed('a', 0)]);
      await apply(0, 1, [placed('b', 0)], { partition: 1 });
      await store.begin(0, MARKER);
      expect((await view(0, 1)).history(WORKFLOW, 'h').facts).toEqual([]);
      const other = await apply(1, 1, [], { partition: 1 });
      expect(other.status === 'applied' && other.view.history(WORKFLOW, 'h').facts.map((f) => f.id)).toEqual(['b']);
    });

    test('a batch sees its own facts and earlier ones, by offset, whole', async () => {
      await store.begin(0, MARKER);
      await apply(0, 2, [placed('b', 1), placed('a', 0)]);
      const seen = await view(2, 4, [placed('d', 3), placed('c', 2)]);
      expect(seen.history(WORKFLOW, 'h').facts).toEqual([fact('a', 0), fact('b', 1), fact('c', 2), fact('d', 3)]);
      expect(seen.fact(WORKFLOW, 'c')).toEqual(fact('c', 2));
      expect(seen.fact(WORKFLOW, 'x')).toBeUndefined();
    });

    test('T1: workflows and histories of the same names in other places are kept apart', async () => {
      await store.begin(0, MARKER);
      const seen = await view(0, 3, [
        placed('a', 0),
        placed('a', 1, { workflow: 'globex/invoice-run' }),
        placed('b', 2, { histories: ['h', 'i'] }),
      ]);
      expect(seen.history(WORKFLOW, 'h').facts.map((f) => f.offset)).toEqual([0, 2]);
      expect(seen.history(WORKFLOW, 'i').facts.map((f) => f.offset)).toEqual([2]);
      expect(seen.history('globex/invoice-run', 'h').facts.map((f) => f.offset)).toEqual([1]);
    });

    test('W1: of one identity the lowest offset stays, whichever came first', async () => {
      await store.begin(0, MARKER);
      await apply(0, 9, [placed('late', 8), placed('early', 2)]);
      const seen = await view(0, 9, [placed('late', 3, { histories: ['i'] }), placed('early', 7)]);
      expect([seen.fact(WORKFLOW, 'late')?.offset, seen.fact(WORKFLOW, 'early')?.offset]).toEqual([3, 2]);
      expect(seen.history(WORKFLOW, 'h').facts.map((f) => [f.id, f.offset])).toEqual([['early', 2]]);
      expect(seen.history(WORKFLOW, 'i').facts.map((f) => [f.id, f.offset])).toEqual([['late', 3]]);
    });

    test('an identity that comes again after a whole window is new', async () => {
      await store.begin(0, MARKER);
      const seen = await view(0, 2, [placed('a', 0, { logTime: 0 }), placed('a', 1, { logTime: WINDOW_MS + 1 })]);
      expect(seen.fact(WORKFLOW, 'a')?.offset).toBe(1);
      // Records between the two, in one batch with the second, still look back to the first.
      expect(seen.history(WORKFLOW, 'h').facts.map((f) => f.offset)).toEqual([0, 1]);
    });

    test('what is within the window is kept, in workflows that go on and in those that do not', async () => {
      await store.begin(0, MARKER);
      await apply(0, 1, [placed('quiet', 0, { logTime: 0, workflow: 'acme/quiet' })]);
      for (let i = 1; i <= 40; i++) await apply(i, i + 1, [placed(`f${i}`, i, { logTime: i * 250 })]);
      const seen = await view(41, 41);
      expect(seen.history('acme/quiet', 'h').facts).toHaveLength(1);
      expect(seen.history(WORKFLOW, 'h').facts).toHaveLength(40);
    });

    test('W1: the set of facts does not depend on the order, the batches or the number of writes', async () => {
      // One offset holds one record: deliveries of the n-th identity stand at offsets 4k + n.
      const write = fc.tuple(fc.nat(3), fc.nat(6)).map(([n, k]) => ({ id: `id ${n}`, offset: 4 * k + n, histories: ['h', 'i'] }));
      await fc.assert(
        fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 12 }), fc.infiniteStream(fc.nat()), async (writes, random) => {
          const facts = writes.map(({ id, offset, histories }) => placed(id, offset, { histories, logTime: 100 + offset }));
          const order = [...facts, ...facts].sort(() => (random.next().value % 2 === 0 ? 1 : -1));
          const dump = async (batches: readonly (readonly PlacedFact[])[]) => {
            await store.begin(0, MARKER);
            for (const batch of batches) await apply(0, 31, batch);
            const seen = await view(0, 31);
            return ['h', 'i'].map((key) => seen.history(WORKFLOW, key).facts);
          };
          const expected = await dump([facts]);
          expect(await dump(order.map((each) => [each]))).toEqual(expected);
        }),
        { numRuns: 200 },
      );
    });
  });
}

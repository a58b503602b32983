/** What every window store owes (`src/windows/port.ts`), as one suite that each adapter runs. */
import { hash } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { historyKey, type PhaseFact, type RunFact } from '../src/domain/fact.ts';
import type { PlacedFact, WindowBatch, WindowStore } from '../src/windows/port.ts';

const WINDOW_MS = 10_000;
const WORKFLOW = 'acme/invoice-run';
const MARKER = { windowId: 'w', lo: 0, committed: 0, completeFrom: 0 };

const digest = (text: string) => hash('sha256', text, 'base64url');
const uuid = (name: string) => hash('sha256', name, 'hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');

/** The histories that tests name `h` and `i`: one of an input, and one of an effect key. */
const h = historyKey.input('charge', `k1:${digest('h')}`);
const i = historyKey.effect('charge', `k1:${digest('i')}`);

/** Offset of an execution that comes only to look. */
const PROBE = 1_000_000;

interface Options {
  readonly histories?: readonly string[];
  readonly workflow?: string;
  readonly logTime?: number;
}

function fact(id: string, offset: number, { histories = [h], logTime = offset }: Options = {}): PhaseFact {
  const executionId = uuid(id);
  return {
    kind: 'phase',
    phase: 'started',
    id: `${executionId}/started`,
    offset,
    logTime,
    contentDigest: 2 ** 48 - 1 - id.length,
    results: [],
    call: {
      executionId,
      runId: 'run-1',
      attempt: 1,
      parentRunId: null,
      agentId: 'agent',
      stepIndex: 300,
      toolCallId: null,
      tool: 'charge',
      effectName: 'charge',
      effectClass: 'write',
      effectClassSource: 'policy',
      inputs: histories.includes(h) ? [`k1:${digest('h')}`] : [],
      effectKeys: histories.includes(i) ? [`k1:${digest('i')}`] : [],
      occurrences: [],
      approvals: [],
      downstreamKeys: [],
      precedingCalls: [],
      deadlineMs: null,
    },
  };
}

function runFact(runId: string, offset: number): RunFact {
  return { kind: 'run', phase: 'started', id: `0/started/${runId}`, offset, logTime: offset, contentDigest: 7, runId };
}

function placed(id: string, offset: number, options: Options = {}): PlacedFact {
  const { histories = [h], workflow = WORKFLOW } = options;
  return { workflow, histories, fact: fact(id, offset, options) };
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
    const view = async (from: number, to: number, facts: readonly PlacedFact[], more: Partial<WindowBatch> = {}) => {
      const applied = await apply(from, to, facts, more);
      if (applied.status === 'lost') throw new Error('lost');
      return applied.view;
    };
    /** What the histories held before another execution came to them: only to its own batch they are answered. */
    const held = async (from: number, { workflow = WORKFLOW, logTime = 50, partition = 0 } = {}) => {
      const seen = await view(from, from, [placed('probe', PROBE, { histories: [h, i], workflow, logTime })], { partition });
      const of = (key: string) => seen.history(workflow, key).facts.filter(({ offset }) => offset !== PROBE);
      return { facts: of, offsets: (key: string) => of(key).map(({ offset }) => offset) };
    };

    test('W5: without a marker nothing is written, and the answer is lost', async () => {
      expect(await apply(0, 2, [placed('a', 0)])).toEqual({ status: 'lost' });
      await store.begin(0, MARKER);
      expect((await held(0)).facts(h)).toEqual([]);
    });

    test('W5: a batch that the marker does not reach, or of another window, is lost and writes nothing', async () => {
      await store.begin(0, MARKER);
      await apply(0, 5, [placed('a', 0)]);
      expect(await apply(6, 8, [placed('b', 6)])).toEqual({ status: 'lost' });
      expect(await apply(5, 8, [placed('b', 5)], { windowId: 'other' })).toEqual({ status: 'lost' });
      expect((await held(5)).offsets(h)).toEqual([0]);
    });

    test('W5: a batch below the window’s start is lost', async () => {
      await store.begin(0, { ...MARKER, lo: 10 });
      expect(await apply(8, 12)).toEqual({ status: 'lost' });
    });

    test('the marker moves forward only, and is read back whole', async () => {
      await store.begin(0, { ...MARKER, lo: 3, completeFrom: 77 });
      await apply(3, 9, [], { committed: 5 });
      await apply(4, 6, [], { committed: 4 });
      expect(await store.marker(0, 'w')).toEqual({ windowId: 'w', lo: 3, hi: 9, committed: 5, completeFrom: 77 });
      expect(await store.marker(1, 'w')).toBeUndefined();
    });

    test('begin forgets what the partition held, and only that partition', async () => {
      await store.begin(0, MARKER);
      await store.begin(1, MARKER);
      await apply(0, 1, [placed('a', 0)]);
      await apply(0, 1, [placed('b', 0)], { partition: 1 });
      await store.begin(0, MARKER);
      expect((await held(0)).facts(h)).toEqual([]);
      expect((await held(1, { partition: 1 })).facts(h)).toEqual([fact('b', 0)]);
    });

    test('a batch sees its own facts and earlier ones, by offset, whole', async () => {
      await store.begin(0, MARKER);
      await apply(0, 2, [placed('b', 1), placed('a', 0)]);
      const seen = await view(2, 4, [placed('d', 3), placed('c', 2)]);
      expect(seen.history(WORKFLOW, h)).toEqual({
        folded: undefined,
        facts: [fact('a', 0), fact('b', 1), fact('c', 2), fact('d', 3)],
      });
      expect(seen.fact(WORKFLOW, fact('c', 2).id)).toMatchObject({ offset: 2, logTime: 2, contentDigest: fact('c', 2).contentDigest });
      expect(seen.fact(WORKFLOW, 'x')).toBeUndefined();
    });

    test('W6: a second delivery is told where the first one stands, whatever else of it is other', async () => {
      await store.begin(0, MARKER);
      await apply(0, 2, [placed('a', 0), { workflow: WORKFLOW, histories: [], fact: runFact('run-1', 1) }]);
      const again = [placed('a', 2), placed('a', 3, { histories: [i] }), { workflow: WORKFLOW, histories: [], fact: runFact('run-1', 4) }];
      const seen = await view(2, 5, again);
      expect(seen.fact(WORKFLOW, fact('a', 2).id)?.offset).toBe(0);
      expect(seen.fact(WORKFLOW, runFact('run-1', 4).id)?.offset).toBe(1);
      expect((await held(5)).offsets(h)).toEqual([0]);
      expect((await held(5)).offsets(i)).toEqual([]);
    });

    test('T1: workflows and histories of the same names in other places are kept apart', async () => {
      await store.begin(0, MARKER);
      await apply(0, 3, [placed('a', 0), placed('a', 1, { workflow: 'globex/invoice-run' }), placed('b', 2, { histories: [h, i] })]);
      const [mine, other] = [await held(3), await held(3, { workflow: 'globex/invoice-run' })];
      expect([mine.offsets(h), mine.offsets(i)]).toEqual([[0, 2], [2]]);
      expect([other.offsets(h), other.offsets(i)]).toEqual([[1], []]);
    });

    test('W1: of one identity the lowest offset stays, whichever came first', async () => {
      await store.begin(0, MARKER);
      await apply(0, 9, [placed('late', 8), placed('early', 2)]);
      const seen = await view(0, 9, [placed('late', 3, { histories: [i] }), placed('early', 7)]);
      expect(['late', 'early'].map((name) => seen.fact(WORKFLOW, fact(name, 0).id)?.offset)).toEqual([3, 2]);
      const after = await held(9);
      expect([after.offsets(h), after.offsets(i)]).toEqual([[2], [3]]);
    });

    test('an identity that comes again after a whole window is new', async () => {
      await store.begin(0, MARKER);
      const [first, again] = [placed('a', 0, { logTime: 0 }), placed('a', 1, { logTime: WINDOW_MS + 1 })];
      const seen = await view(0, 3, [first, again, placed('b', 2, { logTime: WINDOW_MS + 1 })]);
      expect(seen.fact(WORKFLOW, first.fact.id)?.offset).toBe(1);
      // Records between the two, in one batch with the second, still look back to the first.
      expect(seen.history(WORKFLOW, h).facts.map((f) => f.offset)).toEqual([0, 1, 2]);
    });

    test('what is within the window is kept, in workflows that go on and in those that do not', async () => {
      await store.begin(0, MARKER);
      await apply(0, 1, [placed('quiet', 0, { logTime: 0, workflow: 'acme/quiet' })]);
      for (let n = 1; n <= 40; n++) await apply(n, n + 1, [placed(`f${n}`, n, { logTime: n * 250 })]);
      expect((await held(41, { workflow: 'acme/quiet', logTime: WINDOW_MS })).offsets(h)).toEqual([0]);
      expect((await held(41, { logTime: WINDOW_MS })).offsets(h)).toHaveLength(40);
    });

    test('W1: the set of facts does not depend on the order, the batches or the number of writes', async () => {
      // One offset holds one record: deliveries of the n-th identity stand at offsets 4k + n.
      const write = fc.tuple(fc.nat(3), fc.nat(6)).map(([n, k]) => ({ id: `id ${n}`, offset: 4 * k + n, histories: [h, i] }));
      await fc.assert(
        fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 12 }), fc.infiniteStream(fc.nat()), async (writes, random) => {
          const facts = writes.map(({ id, offset, histories }) => placed(id, offset, { histories, logTime: 100 + offset }));
          const order = [...facts, ...facts].sort(() => (random.next().value % 2 === 0 ? 1 : -1));
          const dump = async (batches: readonly (readonly PlacedFact[])[]) => {
            await store.begin(0, MARKER);
            for (const batch of batches) await apply(0, 31, batch);
            const seen = await held(31, { logTime: 200 });
            return [h, i].map((key) => seen.facts(key));
          };
          const expected = await dump([facts]);
          expect(await dump(order.map((each) => [each]))).toEqual(expected);
        }),
        { numRuns: 200 },
      );
    });
  });
}

/** Hot keys: what is folded, when, and in which store changes no verdict. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundedHistory } from '../src/domain/bounded.ts';
import { factOf, historyKey, type PhaseFact } from '../src/domain/fact.ts';
import { fold, type History, RETAINED } from '../src/domain/fold.ts';
import { MemoryWindows } from '../src/windows/memory/memory-windows.ts';
import { alertsOf, positionedOf } from './judging.ts';
import { PlainWindows } from './plain-windows.ts';
import { hotStory, stories } from './stories.ts';

const WINDOW_MS = 600_000;
const options = { windowMs: WINDOW_MS, windowId: 'w' };

function hotHistory(executions: number): History {
  const facts = positionedOf(hotStory(executions, 100)).map(factOf);
  return { folded: undefined, facts: facts.filter((fact): fact is PhaseFact => fact.kind === 'phase') };
}

describe('fold', () => {
  test('leaves a history alone in which no execution is closed', () => {
    const history = hotHistory(RETAINED + 1);
    expect(fold(history, Number.POSITIVE_INFINITY, WINDOW_MS)).toEqual(history);
    expect(fold(hotHistory(RETAINED + 2), Number.POSITIVE_INFINITY, WINDOW_MS).folded?.groups).toHaveLength(1);
  });

  test('W2: folding to one position and then to a later one is folding to the later one', () => {
    const history = hotHistory(400);
    const end = (history.facts.at(-1)?.offset ?? 0) + 2;
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(end), { maxLength: 8 }), fc.nat(end), (stops, last) => {
        const upTo = stops.filter((stop) => stop <= last).sort((a, b) => a - b);
        const stepwise = upTo.reduce((folded, stop) => fold(folded, stop, WINDOW_MS), history);
        expect(fold(stepwise, last, WINDOW_MS)).toEqual(fold(history, last, WINDOW_MS));
      }),
      { numRuns: 60 },
    );
  });

  test('a history of 100,000 executions is as long as one of 1,000, and folding the next costs as much', () => {
    const key = historyKey.input('charge', 'k1:hot');
    const sizes = [1_000, 100_000].map((executions) => {
      let history: History = { folded: undefined, facts: [] };
      let looked = 0;
      const [sample] = positionedOf(hotStory(1, 1)).map(factOf) as [PhaseFact];
      for (let n = 0; n < executions; n++) {
        const executionId = `e${n}`;
        const fact = {
          ...sample,
          offset: n,
          logTime: n,
          id: `${executionId}/started`,
          call: { ...sample.call, executionId, runId: `r${n % 30}` },
        };
        history = { folded: history.folded, facts: [...history.facts, fact] };
        if (history.facts.length <= 4 * RETAINED) continue;
        looked = history.facts.length;
        history = boundedHistory(key, history, n, WINDOW_MS);
      }
      return { looked, left: history.facts.length <= 4 * RETAINED, fold: JSON.stringify(history.folded).length };
    });
    expect(sizes[1]?.looked).toBe(sizes[0]?.looked);
    expect(sizes[1]?.left).toBe(true);
    expect(Math.abs((sizes[1]?.fold ?? 0) - (sizes[0]?.fold ?? 0))).toBeLessThan(1_000);
  });
});

test('W2: with a hot key of 500 executions batches of 1, 7 and 500 give the same alerts, folded or not', async () => {
  const story = hotStory(500, 300);
  const expected = await alertsOf(story, { ...options, store: new PlainWindows(options), batchOf: () => 50 });
  expect(expected.length).toBeGreaterThan(400);
  for (const size of [1, 7, 500]) {
    expect(await alertsOf(story, { ...options, store: new MemoryWindows(options), batchOf: () => size })).toEqual(expected);
  }
});

test('W2: hot keys whose oldest executions leave the window give the same alerts, folded or not', async () => {
  const short = { windowMs: 60_000, windowId: 'w' };
  const story = hotStory(500, 200);
  const expected = await alertsOf(story, { ...short, store: new PlainWindows(short), batchOf: () => 20 });
  expect(await alertsOf(story, { ...short, store: new MemoryWindows(short), batchOf: () => 7 })).toEqual(expected);
});

test('W1, W2: the memory store answers as the plain one does, whatever the batches', async () => {
  await fc.assert(
    fc.asyncProperty(stories(120), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }), async (story, sizes) => {
      const batchOf = (n: number) => sizes[n % sizes.length] ?? 1;
      const judging = { windowMs: 1_500, windowId: 'w' };
      const expected = await alertsOf(story, { ...judging, store: new PlainWindows(judging), batchOf: () => 10 });
      expect(await alertsOf(story, { ...judging, store: new MemoryWindows(judging), batchOf })).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

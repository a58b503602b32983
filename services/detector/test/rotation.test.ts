/**
 * A hash key is rotated: {k1}, then for a window {k2, k1}, then {k2}. What an event says in digests is compared across the change; where it
 * cannot be, nothing is taken for the same and nothing for different, and it is counted.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareDigests, compareInputs } from '../src/domain/digests.ts';
import { type CallOptions, call, type Found, short, tell } from './story.ts';

const OLD = ['k1'];
const BOTH = ['k2', 'k1'];
const NEW = ['k2'];

const succeeded = (options: CallOptions) => [call('started', options), call('succeeded', options)];
const incomparable = (found: readonly Found[]) => found.map(({ finding }) => finding.evidence.incomparable);

describe('compareDigests', () => {
  test('says nothing of what is under other keys alone', () => {
    expect(compareDigests([], [])).toBe('same');
    expect(compareDigests(['k1:a'], [])).toBe('different');
    expect(compareDigests(['k1:a'], ['k2:x', 'k1:a'])).toBe('same');
    expect(compareDigests(['k1:a'], ['k2:x', 'k1:b'])).toBe('different');
    expect(compareDigests(['k1:a'], ['k2:a'])).toBe('incomparable');
    expect(compareDigests(['k:1:a'], ['k:2:a'])).toBe('incomparable');
  });

  test('an input without a hash is like no other, not even like another one without', () => {
    expect(compareInputs([], [])).toBe('incomparable');
    expect(compareInputs(['k1:a'], [])).toBe('incomparable');
    expect(compareInputs(['k1:a'], ['k1:b'])).toBe('different');
  });

  test('does not depend on which is named first', () => {
    const digests = fc.uniqueArray(fc.tuple(fc.constantFrom('k1', 'k2', 'k3'), fc.constantFrom('a', 'b')), {
      maxLength: 2,
      selector: ([key]) => key,
    });
    fc.assert(
      fc.property(digests, digests, (a, b) => {
        const [left, right] = [a, b].map((list) => list.map((pair) => pair.join(':'))) as [string[], string[]];
        expect(compareDigests(left, right)).toBe(compareDigests(right, left));
      }),
    );
  });
});

describe.each([
  ['before and during', OLD, BOTH],
  ['during and during', BOTH, BOTH],
  ['during and after', BOTH, NEW],
])('a rotation, %s', (_, first, second) => {
  const a = { execution: 'a', hashKeyIds: first };
  const b = { execution: 'b', hashKeyIds: second, run: 'run-2', step: 1 };
  const judged = async (one: Partial<CallOptions>, other: Partial<CallOptions>) => {
    const found = await tell([...succeeded({ ...a, ...one }), ...succeeded({ ...b, ...other })]);
    expect(incomparable(found).every((count) => count === 0)).toBe(true);
    return short(found);
  };

  test('a repeat under the same declared occurrence is a repeat, under another it was meant', async () => {
    expect(await judged({ occurrence: 'march' }, { occurrence: 'march' })).toEqual(['2 duplicate_execution critical replan']);
    expect(await judged({ occurrence: 'march' }, { occurrence: 'april' })).toEqual([]);
    expect(await judged({ occurrence: 'march' }, {})).toEqual([]);
  });

  test('an approval that was used is not fresh, another one is', async () => {
    expect(await judged({ approval: 'ok-1' }, { approval: 'ok-1' })).toEqual(['2 duplicate_execution critical replan']);
    expect(await judged({ approval: 'ok-1' }, { approval: 'ok-2' })).toEqual([]);
  });

  test('a pair is protected where the very same key went downstream, and not where the change of keys changed it', async () => {
    expect(await judged({ downstreamKey: 'x' }, { downstreamKey: 'x' })).toEqual(['2 duplicate_execution info protected']);
    expect(await judged({ downstreamKey: 'x' }, { downstreamKey: 'y' })).toEqual(['2 duplicate_execution critical replan']);
  });

  test('the same calls before it make a run_retry', async () => {
    expect(await judged({ precedingCalls: 'p' }, { precedingCalls: 'p' })).toEqual(['2 duplicate_execution critical run_retry']);
    expect(await judged({ precedingCalls: 'p' }, { precedingCalls: 'q' })).toEqual(['2 duplicate_execution critical replan']);
  });

  test('another input on the same effect key diverges, in the same occurrence alone', async () => {
    const one = { input: '100', key: 'invoice 7' };
    const other = { input: '120', key: 'invoice 7' };
    expect(await judged(one, other)).toEqual(['2 divergent_execution critical replan']);
    expect(await judged({ ...one, occurrence: 'march' }, { ...other, occurrence: 'march' })).toEqual([
      '2 divergent_execution critical replan',
    ]);
    expect(await judged({ ...one, occurrence: 'march' }, { ...other, occurrence: 'april' })).toEqual([]);
  });

  test('a loop goes on through it with the same result, and not with another', async () => {
    const loop = (results: readonly string[]) =>
      tell(
        results.flatMap((result, i) =>
          succeeded({ execution: `e${i}`, step: i, effect: 'read', hashKeyIds: i < 3 ? first : second, result }),
        ),
      ).then((found) => short(found).filter((line) => line.includes('execution_loop')));
    expect(await loop(['r', 'r', 'r', 'r', 'r'])).toEqual(['9 execution_loop warning']);
    expect(await loop(['r', 'r', 'q', 'r', 'r'])).toEqual([]);
  });
});

describe('what is under other keys alone is told neither as same nor as different', () => {
  const a = { execution: 'a', hashKeyIds: BOTH, saidUnder: OLD };
  const b = { execution: 'b', hashKeyIds: BOTH, saidUnder: NEW, run: 'run-2', step: 1 };
  const march = { occurrence: 'march' };

  test('occurrences: a repeat of which nobody can tell whether it was meant is info, and counted', async () => {
    const found = await tell([...succeeded({ ...a, ...march }), ...succeeded({ ...b, ...march })]);
    expect(short(found)).toEqual(['2 duplicate_execution info replan']);
    expect(incomparable(found)).toEqual([1]);
    expect(found[0]?.finding.summary).toContain('cannot be told');
  });

  test('occurrences: beside a repeat that can be told, the other is counted', async () => {
    const found = await tell([
      ...succeeded({ ...a, ...march }),
      ...succeeded({ ...b, ...march, execution: 'x', hashKeyIds: BOTH, saidUnder: BOTH, occurrence: 'april' }),
      ...succeeded({ ...b, ...march, occurrence: 'april' }),
    ]);
    expect(short(found)).toEqual(['4 duplicate_execution critical model_repeat']);
    expect(incomparable(found)).toEqual([1]);
    expect(found[0]?.finding.evidence.executionsAcrossRuns).toBe(2);
  });

  test('approvals: one that is not shown to be fresh lets nothing through', async () => {
    const found = await tell([...succeeded({ ...a, approval: 'ok-1' }), ...succeeded({ ...b, approval: 'ok-2' })]);
    expect(short(found)).toEqual(['2 duplicate_execution critical replan']);
    expect(incomparable(found)).toEqual([1]);
  });

  test('downstream keys: what is not shown to be one key is not protected', async () => {
    const found = await tell([...succeeded({ ...a, downstreamKey: 'x' }), ...succeeded({ ...b, downstreamKey: 'x' })]);
    expect(short(found)).toEqual(['2 duplicate_execution critical replan']);
    expect(incomparable(found)).toEqual([1]);
  });

  test('divergent inputs: whether a retry did the same or something else is info, and counted', async () => {
    const under = (ids: readonly string[], options: CallOptions) =>
      succeeded({ ...options, key: 'invoice 7' }).map((event) => {
        if (event.name !== 'ToolCallEvent') return event;
        const inputHashes = event.value.inputHashes.filter(({ hashKeyId }) => ids.includes(hashKeyId));
        return { ...event, value: { ...event.value, inputHashes } };
      });
    const found = await tell([
      ...under(OLD, { execution: 'a', hashKeyIds: BOTH, input: '100' }),
      ...under(NEW, { execution: 'b', hashKeyIds: BOTH, run: 'run-2', input: '120' }),
    ]);
    expect(short(found)).toEqual(['2 divergent_execution info run_retry']);
    expect(incomparable(found)).toEqual([1]);
    const certain = await tell([
      ...under(OLD, { execution: 'a', hashKeyIds: BOTH, input: '100' }),
      ...under(BOTH, { execution: 'x', hashKeyIds: BOTH, input: '110' }),
      ...under(NEW, { execution: 'b', hashKeyIds: BOTH, run: 'run-2', input: '120' }),
    ]);
    expect(short(certain)).toEqual(['4 divergent_execution critical run_retry']);
    expect(incomparable(certain)).toEqual([1]);
  });

  test('results: a loop starts anew behind a result that cannot be compared, and counts it', async () => {
    const polled = (n: number, from: number, saidUnder: readonly string[]) =>
      Array.from({ length: n }, (_, i) =>
        succeeded({ execution: `e${from + i}`, step: from + i, effect: 'read', hashKeyIds: BOTH, saidUnder }),
      ).flat();
    const loops = (found: readonly Found[]) => found.filter(({ finding }) => finding.rule === 'execution_loop');
    expect(loops(await tell([...polled(3, 0, OLD), ...polled(4, 3, NEW)]))).toEqual([]);
    const found = loops(await tell([...polled(3, 0, OLD), ...polled(5, 3, NEW)]));
    expect(short(found)).toEqual(['15 execution_loop warning']);
    expect(incomparable(found)).toEqual([1]);
    expect(short(loops(await tell([...polled(2, 0, OLD), ...polled(2, 2, NEW), ...polled(1, 4, BOTH)])))).toEqual([
      '9 execution_loop warning',
    ]);
  });

  test('successes of an input that cannot be compared are no progress, and are counted', async () => {
    const under = (saidUnder: readonly string[], n: number) => ({ step: n, effect: 'read' as const, hashKeyIds: saidUnder });
    const events = [
      ...[0, 1].flatMap((n) => succeeded({ execution: `e${n}`, ...under(NEW, n) })),
      ...succeeded({ execution: 'old', ...under(OLD, 2) }),
      ...[3, 4, 5].flatMap((n) => succeeded({ execution: `e${n}`, ...under(NEW, n) })),
    ];
    const found = (await tell(events)).filter(({ finding }) => finding.rule === 'execution_loop');
    expect(short(found)).toEqual(['11 execution_loop warning']);
    expect(incomparable(found)).toEqual([1]);
  });
});

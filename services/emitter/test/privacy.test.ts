import { EMPTY_POLICY } from '@idemtrace/schemas/policy';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBench, SCOPE, SECRET } from './world.ts';

/** A text that nothing but itself holds; the digits keep it from being a name that may leave in clear. */
const canary = fc.integer({ min: 0, max: 9_999_999 }).map((number) => `canary${String(number).padStart(7, '0')}yranac`);

/** JSON with canaries as names and values, each of them collected. */
function laden(seen: Set<string>, depth = 3): fc.Arbitrary<unknown> {
  const leaf = canary.map((text) => {
    seen.add(text);
    return text;
  });
  if (depth === 0) return leaf;
  const inner = laden(seen, depth - 1);
  return fc.oneof(
    leaf,
    fc.array(inner, { maxLength: 3 }),
    fc.dictionary(leaf, inner, { maxKeys: 3 }),
    fc.record({ invoice_id: leaf, note: inner }),
  );
}

test('P1: no argument, answer, query, error, key, occurrence, approval or name with a digit reaches an event, a warning or an error', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(laden(seen), laden(seen), laden(seen), canary, canary, async (input, result, query, key, thrown) => {
      for (const text of [key, thrown]) seen.add(text);
      const fail = (): never => {
        throw Object.assign(new Error(thrown), { name: 'CallbackError', detail: thrown });
      };
      const { idemtrace, told } = createBench();
      const tool = idemtrace.tool('charge', async (_: unknown) => result, {
        effectKey: () => key,
        occurrence: () => key,
        repeatable: true,
      });
      const failing = idemtrace.tool('fail', (_: unknown) => Promise.reject(new Error(thrown)), {
        effect: 'write',
        callInfo: () => ({ approvalId: key }),
      });
      const breaking = idemtrace.tool('break', () => result, {
        effectKey: fail,
        hashInput: fail,
        outcome: fail,
        occurrence: fail,
        callInfo: fail,
      });
      const inferring = idemtrace.tool('infer', () => result);
      const search = idemtrace.retriever('docs', (_: unknown) => [{ id: 'doc' }], { documents: (documents) => documents });
      const unreadable = idemtrace.retriever('docs', (_: unknown) => [], { documents: fail });
      await idemtrace.run(SCOPE, async () => {
        await tool(input);
        await failing(input).catch(() => {});
        breaking(input);
        inferring({ invoice_id: key, payload: input });
        search(query);
        unreadable(query);
      });
      await idemtrace.flush();
      const text = told();
      expect(text).toContain('charge');
      for (const secret of [...seen, SECRET]) expect(text.includes(secret), secret).toBe(false);
      seen.clear();
    }),
    { numRuns: 150 },
  );
});

test('P1: a field that the policy opts in appears, the others do not', async () => {
  const policy = {
    ...EMPTY_POLICY,
    tools: [{ match: 'charge', disclose: { input: ['invoice_id'], result: ['status'] } }],
    dataSources: [{ match: 'docs', disclose: { query: ['text'] } }],
  };
  const { idemtrace, told } = createBench({ policy });
  const tool = idemtrace.tool('charge', (_: unknown) => ({ status: 'canary3', id: 'canary4' }));
  const search = idemtrace.retriever('docs', (_: unknown) => [], { documents: () => [] });
  idemtrace.run(SCOPE, () => {
    tool({ invoice_id: 'canary1', memo: 'canary2' });
    search({ text: 'canary5', filter: 'canary6' });
  });
  await idemtrace.flush();
  expect(['canary1', 'canary2', 'canary3', 'canary4', 'canary5', 'canary6'].filter((text) => told().includes(text))).toEqual([
    'canary1',
    'canary3',
    'canary5',
  ]);
});

test('P1: a receiver’s and a transport’s errors are told by their text alone, without the events', async () => {
  const { idemtrace, world } = createBench({ transport: { send: () => Promise.reject(new Error('refused')) } });
  idemtrace.run({ ...SCOPE, token: 'token-canary1' }, () => {});
  const flushed = idemtrace.flush({ timeoutMs: 10 });
  await world.pass(50);
  await flushed;
  expect(world.warnings).toHaveLength(1);
  expect(JSON.stringify(world.warnings)).not.toContain('token-canary1');
});

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { quoteName, quoteText, SqlTextError } from '../src/index.ts';
import { startTestEngine, type TestEngine } from './support/engine.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(async () => {
  await engine.stop();
});

/** Texts of what could end a quote, and of anything. */
const hostile = fc.string({
  unit: fc.constantFrom("'", '`', '\\', '"', '\0', '\n', ';', '-', '{', '}', '$', 'a', '’', '𝕏', '\u2028', '\b'),
  maxLength: 12,
});
const texts = fc.oneof(hostile, fc.string({ unit: 'grapheme', maxLength: 30 }));
const NAMED = ["'; DROP TABLE alerts --", "\\' OR 1=1 --", '\\', '`', '\\`', "o'neil", '{tenant:String}', '\0', '%', ''];

test('T1: a text in SQL is read back as it was, and ends where it should, whatever is in it', async () => {
  const read = async (values: readonly string[]) => {
    const result = await engine.client.query({ query: `SELECT [${values.map(quoteText).join(', ')}] AS texts`, format: 'JSONEachRow' });
    const [row] = await result.json<{ texts: string[] }>();
    return row?.texts;
  };
  expect(await read(NAMED)).toEqual(NAMED);
  await fc.assert(
    fc.asyncProperty(fc.array(texts, { minLength: 1, maxLength: 40 }), async (values) => {
      expect(await read(values)).toEqual(values);
    }),
    { numRuns: 50 },
  );
});

test('T1: a name in SQL is read back as it was, whatever is in it', async () => {
  const read = async (name: string) => {
    const result = await engine.client.query({ query: `SELECT 1 AS ${quoteName(name)}`, format: 'JSON' });
    const { meta } = await result.json<object>();
    return meta?.[0]?.name;
  };
  for (const name of NAMED.filter((each) => each !== '')) expect(await read(name)).toBe(name);
  await fc.assert(
    fc.asyncProperty(
      texts.filter((name) => name !== ''),
      async (name) => {
        expect(await read(name)).toBe(name);
      },
    ),
    { numRuns: 100 },
  );
});

test('what no SQL can hold is an error that does not quote it: half a surrogate pair, an empty name', () => {
  expect(() => quoteText('secret\ud800')).toThrow(SqlTextError);
  expect(() => quoteText('secret\ud800')).toThrow(expect.not.objectContaining({ message: expect.stringContaining('secret') }));
  expect(() => quoteName('')).toThrow(SqlTextError);
});

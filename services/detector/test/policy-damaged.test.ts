/** Policies, damaged byte by byte or made to cost: whatever is read is answered, by no more than it is worth. */
import { expect, test } from 'vitest';
import { mutate, SEED, SHARE, TOKENS, Xorshift } from '../../../schemas/test/mutations.ts';
import { compilePolicy, formatMistakes, readCompiledPolicy, readPolicy } from '../src/policy/index.ts';

const DOCUMENTS = 15_000 * SHARE;
const COMPILED_DOCUMENTS = 100_000 * SHARE;

const TEXTS = [
  `version: 3.10
defaultEffect: write
tools:
  "billing.charge":
    effect: write
    effectName: charge
    effectKey: [invoice_id]
    volatile: [request_id, "items[].nonce"]
    disclose: { input: [invoice_id], result: [status] }
    deadline: 10m
  "billing.status": { effect: read, poll: { max: 20, minInterval: 1s } }
  "404": { effect: read }
  "mail.*": { effect: write, effectKey: { paths: [message.id], scope: tenant } }
`,
  `version: a
dataSources:
  kb: { untagged: allow, disclose: { query: [text] } }
  "wiki-?": { disclose: { query: ["*"] } }
sharedTenants: [shared, "more"]
rules:
  execution_loop: { threshold: 7 }
  unclassified_tool: off
  in_doubt: on
deadline: 250ms
`,
  'version: "1"\n# nothing else\ntools:\nrules:\n',
  '{ "version": "json", "tools": { "a": { "effect": "delegate" }, "b*": { "poll": { "max": 2 } } }, "sharedTenants": [] }\n',
];

const CORPUS = TEXTS.map((text) => Buffer.from(text));
const COMPILED = TEXTS.map((text) => {
  const read = readPolicy(text);
  if (!read.ok) throw new Error(JSON.stringify(read.mistakes));
  return Buffer.from(compilePolicy(read.policy));
});

interface Told {
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

/** A hundred mistakes at most, each of a sentence and what it quotes. */
function isBounded(mistakes: readonly Told[], text: string): boolean {
  const longest = 1000 + 3 * text.length;
  return (
    mistakes.length > 0 &&
    mistakes.length <= 101 &&
    mistakes.every(({ path, message, hint = '' }) => path.length + message.length + hint.length <= longest)
  );
}

test(
  `damaged policies are answered with a policy or with at most a hundred mistakes on lines that exist (seed ${SEED})`,
  () => {
    const random = new Xorshift(SEED);
    const outcomes = { read: 0, refused: 0 };
    const wrong: string[] = [];
    for (let i = 0; i < DOCUMENTS; i++) {
      const text = mutate(CORPUS, random, TOKENS).toString('utf8');
      const result = readPolicy(text);
      if (result.ok) {
        outcomes.read += 1;
        // What was read can be compiled and read again.
        const again = readCompiledPolicy(compilePolicy(result.policy));
        if (!again.ok) wrong.push(`${i}: a compiled policy that is none`);
      } else {
        outcomes.refused += 1;
        const lines = text.split('\n').length + 1;
        if (!isBounded(result.mistakes, text)) wrong.push(`${i}: mistakes without bound`);
        if (result.mistakes.some(({ line, column }) => line < 1 || line > lines || column < 1)) wrong.push(`${i}: no such place`);
        if (/[^\P{Cc}\n]/u.test(formatMistakes('policy.yaml', text, result.mistakes))) wrong.push(`${i}: a control character`);
      }
    }
    expect(wrong).toEqual([]);
    for (const [outcome, count] of Object.entries(outcomes)) expect([outcome, count > DOCUMENTS / 100]).toEqual([outcome, true]);
  },
  240_000 * SHARE,
);

test(
  `damaged compiled policies are answered with a policy or with at most a hundred mistakes (seed ${SEED})`,
  () => {
    const random = new Xorshift(SEED);
    const outcomes = { read: 0, refused: 0 };
    const wrong: string[] = [];
    for (let i = 0; i < COMPILED_DOCUMENTS; i++) {
      const text = mutate(COMPILED, random, TOKENS).toString('utf8');
      const result = readCompiledPolicy(text);
      if (result.ok) {
        outcomes.read += 1;
        if (!readCompiledPolicy(compilePolicy(result.policy)).ok) wrong.push(`${i}: a compiled policy that is none`);
      } else {
        outcomes.refused += 1;
        if (!isBounded(result.mistakes, text)) wrong.push(`${i}: mistakes without bound`);
      }
    }
    expect(wrong).toEqual([]);
    for (const [outcome, count] of Object.entries(outcomes)) expect([outcome, count > COMPILED_DOCUMENTS / 100]).toEqual([outcome, true]);
  },
  240_000 * SHARE,
);

/** As many as fit into the document's bounds. */
const many = (count: number, item: (n: number) => string) => Array.from({ length: count }, (_, n) => item(n));

test('a list that is far too long is refused, not compared entry by entry with itself', () => {
  const text = `version: a\ntools:\n  x: { volatile: [${many(60_000, (n) => `p${n}`).join(',')}] }\n`;
  const result = readPolicy(text);
  expect(!result.ok && result.mistakes.map(({ message }) => message)).toEqual(['must have at most 64 entries']);
});

test('a thousand long patterns are read without comparing each with each to the end', () => {
  const patterns = many(1000, (n) => `${'*a'.repeat(120)}${n}?`);
  const result = readPolicy(`version: a\ntools:\n${patterns.map((pattern) => `  "${pattern}": { effect: read }\n`).join('')}`);
  expect(result.ok && result.policy.tools.length).toBe(1000);
});

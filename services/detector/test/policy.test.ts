import { type CompiledPolicy, EMPTY_POLICY, PolicyLookup, type RuleName } from '@idemtrace/schemas';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { compilePolicy, formatMistakes, nearestWord, parseDuration, readCompiledPolicy, readPolicy } from '../src/policy/index.ts';
import { covers } from '../src/policy/notes.ts';
import { RULE_NAMES } from '../src/policy/schema.ts';

const FULL = `# Billing
version: 3.10
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
dataSources:
  kb: { untagged: allow, disclose: { query: [text] } }
sharedTenants: [shared]
rules:
  execution_loop: { threshold: 7 }
  unclassified_tool: off
deadline: 250ms
`;

function mistakesOf(text: string) {
  const result = readPolicy(text);
  return result.ok ? [] : result.mistakes;
}

/** Every mistake as `line:column message | hint`. */
function told(text: string): string[] {
  return mistakesOf(text).map(({ line, column, message, hint }) => `${line}:${column} ${message}${hint === undefined ? '' : ` | ${hint}`}`);
}

test('a policy with every setting reads as its author meant it', () => {
  expect(readPolicy(FULL)).toEqual({
    ok: true,
    notes: [],
    policy: {
      format: 1,
      version: '3.10',
      defaultEffect: 'write',
      tools: [
        {
          match: 'billing.charge',
          effect: 'write',
          effectName: 'charge',
          effectKey: { paths: ['invoice_id'], scope: 'workflow' },
          volatile: ['request_id', 'items[].nonce'],
          disclose: { input: ['invoice_id'], result: ['status'] },
          deadlineMs: 600_000,
        },
        { match: 'billing.status', effect: 'read', poll: { max: 20, minIntervalMs: 1000 } },
        { match: '404', effect: 'read' },
        { match: 'mail.*', effect: 'write', effectKey: { paths: ['message.id'], scope: 'tenant' } },
      ],
      dataSources: [{ match: 'kb', untagged: 'allow', disclose: { query: ['text'] } }],
      sharedTenants: ['shared'],
      disabledRules: ['unclassified_tool'],
      loopThreshold: 7,
      deadlineMs: 250,
    },
  });
});

test('a policy of its version alone, with empty sections, says nothing', () => {
  expect(readPolicy('version: a\ntools:\ndataSources:\nrules:\nsharedTenants:\n')).toMatchObject({
    ok: true,
    policy: { version: 'a', tools: [], dataSources: [], disabledRules: [], sharedTenants: [], loopThreshold: 5, deadlineMs: 300_000 },
  });
});

describe('every mistake is listed with its line, and what was meant', () => {
  test('all of one document at once, in its order', () => {
    const text = `defualtEffect: write
tools:
  "get_*": { efect: read }
  "charge":
    effect: wirte
    effectKey: invoice_id
    deadline: soon
    poll: { max: 1 }
  "charge": { effect: read }
rules:
  duplicate_exection: off
  in_doubt: false
sharedTenants: shared
`;
    expect(told(text)).toEqual([
      '1:1 `version` is missing',
      '1:1 unknown key `defualtEffect` | did you mean `defaultEffect`?',
      '3:14 unknown key `efect` | did you mean `effect`?',
      '5:13 `wirte` is none of read, idempotent_write, write, delegate | did you mean `write`?',
      '6:16 expects a list, not `invoice_id` | write it as a list: [ … ]',
      '7:15 this is no duration | write 500ms, 10s, 5m, 24h or a whole number of milliseconds',
      '8:18 must be at least 2',
      '9:3 `charge` is here twice | keep one of the two',
      '11:3 unknown key `duplicate_exection` | did you mean `duplicate_execution`?',
      '12:13 `false` is no setting of a rule | write `off`',
      '13:16 expects a list, not `shared` | write it as a list: [ … ]',
    ]);
  });

  test.each([
    ['a tab as indentation', 'version: a\ntools:\n\tx: { effect: read }\n', '3:1 a tab cannot indent in YAML | use spaces'],
    ['an unclosed bracket', 'version: [a\n', '2:1 this is no YAML: flow sequence'],
    ['a second document', 'version: a\n---\nversion: b\n', '2:1 a second document starts here'],
    ['an anchor', 'version: a\nsharedTenants: &x [s]\n', '2:19 an anchor (&x) is not read here | remove it'],
    ['an alias', 'version: a\nsharedTenants: &x [s]\ntools: *x\n', '3:8 an alias (*x) is not read here'],
    ['a tag', 'version: a\nsharedTenants: !!set { a }\n', '2:22 a tag (tag:yaml.org,2002:set) is not read here'],
    ['a key that is no text', 'version: a\ntools:\n  [a]: { effect: read }\n', '3:3 a key must be plain text'],
    ['a merge key', 'version: a\ntools:\n  x: { <<: 1 }\n', '3:8 unknown key `<<`'],
    ['a duplicate key', 'version: a\nversion: b\n', '2:1 `version` is here twice'],
    ['an empty entry', 'version: a\ntools:\n  x:\n', '3:5 expects a mapping, not nothing'],
    ['no path', 'version: a\ntools:\n  x:\n    volatile:\n      - a\n      - b..c\n', '6:9 this is no path'],
    ['the same path twice', 'version: a\ntools:\n  x:\n    volatile:\n      - a\n      - a\n', '6:9 `a` is in the list twice'],
    ['an empty document', '# nothing\n', '1:1 the policy is empty'],
    ['a list for a document', '- a\n', '1:1 expects a mapping, not a list'],
    ['a version with spaces', 'version: my policy\n', '1:10 must be letters'],
    ['control characters in a name', 'version: a\nsharedTenants: ["a\\e[2J"]\n', '2:17 must be free of control characters'],
    [
      'the same key in a deep mapping',
      'version: a\ntools:\n  x:\n    disclose:\n      input: [a]\n      input: [b]\n',
      '6:7 `input` is here twice',
    ],
    ['a too deep document', `version: a\ntools: ${'['.repeat(40)}${']'.repeat(40)}\n`, '2:32 nested too deeply'],
  ])('%s', (_, text, expected) => {
    const all = told(text);
    expect(all.some((line) => line.startsWith(expected))).toBe(true);
  });
});

test('mistakes read as file, line, column, the line itself and a caret', () => {
  const text = 'version: a\ntools:\n  x: { efect: read }\n';
  expect(formatMistakes('policy.yaml', text, mistakesOf(text))).toBe(
    ['policy.yaml:3:8: unknown key `efect` (tools."x".efect)', '    x: { efect: read }', '         ^', '  did you mean `effect`?'].join(
      '\n',
    ),
  );
});

test('mistakes never carry a control character of the document to the terminal', () => {
  const text = 'version: a\n"\\e[31mx": 1\n';
  expect(formatMistakes('p\u001b[2J.yaml', text, mistakesOf(text))).not.toMatch(/[^\P{Cc}\n]/u);
});

test('notes name what is allowed and probably not meant', () => {
  const result = readPolicy(`version: a
tools:
  "get_*": { effect: read, effectKey: [id] }
  "get_user": { effect: write }
  "mail.?": {}
  "pay": { effect: write, effectKey: [id], volatile: [id] }
`);
  expect(result.ok && result.notes.map((note) => `${note.line}: ${note.message}`)).toEqual([
    '4: never matches: the entry `get_*` above it takes every name first',
    '3: has no use on a read: reads are told apart by their input alone',
    '5: says nothing about these tools, and keeps later entries from them',
    '6: `id` is volatile and part of the effect key',
  ]);
});

test('durations are read in every unit', () => {
  expect(['500ms', '10s', '5m', '24h', '7d', '1.5s', '42', 42].map(parseDuration)).toEqual([
    500, 10_000, 300_000, 86_400_000, 604_800_000, 1500, 42, 42,
  ]);
  expect(['', 's', '5 parsecs', '-1s', -1, 1.5, null, Number.NaN, '99999999999d'].map(parseDuration)).toEqual(Array(9).fill(undefined));
});

test('the nearest word is the one meant, and none where none is near', () => {
  expect(nearestWord('wirte', ['read', 'write'])).toBe('write');
  expect(nearestWord('IDEMPOTENT-WRITE', ['write', 'idempotent_write'])).toBe('idempotent_write');
  expect(nearestWord('zebra', ['read', 'write'])).toBeUndefined();
});

const word = fc.stringMatching(/^[a-z][a-z_]{0,8}$/);
const paths = fc.uniqueArray(
  fc.oneof(
    word,
    fc.tuple(word, word).map(([a, b]) => `${a}[].${b}`),
  ),
  { minLength: 1, maxLength: 3 },
);
const effect = fc.constantFrom('read' as const, 'idempotent_write' as const, 'write' as const, 'delegate' as const);
const duration = fc.integer({ min: 1, max: 100_000_000 });
const pattern = fc.stringMatching(/^[a-z.0-9*?]{1,12}$/).filter((text) => text.split('*').length <= 5);

const tool = fc.record(
  {
    match: pattern,
    effect,
    effectName: word,
    effectKey: fc.record({ paths, scope: fc.constantFrom('workflow' as const, 'tenant' as const) }),
    volatile: paths,
    disclose: fc.record({ input: paths, result: fc.constant(['*']) }, { requiredKeys: [] }),
    poll: fc.record({ max: fc.integer({ min: 2, max: 99 }), minIntervalMs: duration }, { requiredKeys: ['max'] }),
    deadlineMs: duration,
  },
  { requiredKeys: ['match'] },
);
const dataSource = fc.record(
  { match: pattern, untagged: fc.constant('allow' as const), disclose: fc.record({ query: paths }, { requiredKeys: [] }) },
  { requiredKeys: ['match'] },
);
const byMatch = { selector: (entry: { match: string }) => entry.match, maxLength: 6 };
const policy: fc.Arbitrary<CompiledPolicy> = fc.record(
  {
    format: fc.constant(1 as const),
    version: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,12}$/),
    defaultEffect: effect,
    tools: fc.uniqueArray(tool, byMatch),
    dataSources: fc.uniqueArray(dataSource, byMatch),
    sharedTenants: fc.uniqueArray(word, { maxLength: 3 }),
    disabledRules: fc.subarray([...RULE_NAMES]) as fc.Arbitrary<RuleName[]>,
    loopThreshold: fc.integer({ min: 2, max: 50 }),
    deadlineMs: duration,
  },
  { requiredKeys: ['format', 'version', 'tools', 'dataSources', 'sharedTenants', 'disabledRules', 'loopThreshold', 'deadlineMs'] },
);

/** The document that a person would write for a compiled policy. */
function documentOf(compiled: CompiledPolicy): string {
  const { tools, dataSources, disabledRules, loopThreshold, deadlineMs, format: _, ...rest } = compiled;
  return stringify(
    {
      ...rest,
      deadline: deadlineMs,
      tools: new Map(
        tools.map(({ match, deadlineMs: deadline, poll, ...entry }) => [
          match,
          { ...entry, ...(deadline && { deadline: `${deadline}ms` }), ...(poll && { poll: pollOf(poll) }) },
        ]),
      ),
      dataSources: new Map(dataSources.map(({ match, ...entry }) => [match, entry])),
      rules: {
        ...Object.fromEntries(disabledRules.map((name) => [name, 'off'])),
        execution_loop: { enabled: !disabledRules.includes('execution_loop'), threshold: loopThreshold },
      },
    },
    { aliasDuplicateObjects: false },
  );
}

function pollOf({ max, minIntervalMs }: { max: number; minIntervalMs?: number }) {
  return { max, ...(minIntervalMs && { minInterval: minIntervalMs }) };
}

test('any policy survives being written as YAML, read, compiled and read again', () => {
  fc.assert(
    fc.property(policy, (expected) => {
      const read = readPolicy(documentOf(expected));
      expect(read).toMatchObject({ ok: true });
      if (!read.ok) return;
      expect(read.policy).toEqual(expected);
      const json = compilePolicy(read.policy);
      expect(readCompiledPolicy(json)).toEqual({ ok: true, policy: expected });
      expect(compilePolicy(JSON.parse(json))).toBe(json);
    }),
    { numRuns: 150 },
  );
});

test('bytes changed at random are answered with a policy or with mistakes on lines that exist, never a throw', () => {
  const bytes = Buffer.from(FULL);
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.constantFrom(0, 1, 2), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
      const mutated = [...bytes];
      for (const [at, kind, byte] of changes) mutated.splice(at, kind === 2 ? 0 : 1, ...(kind === 1 ? [] : [byte]));
      const text = Buffer.from(mutated).toString('utf8');
      const result = readPolicy(text);
      if (result.ok) return;
      expect(result.mistakes.length).toBeGreaterThan(0);
      const lines = text.split('\n').length;
      for (const { line, column } of result.mistakes) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines + 1);
        expect(column).toBeGreaterThanOrEqual(1);
      }
      formatMistakes('p', text, result.mistakes);
    }),
    { numRuns: 1500 },
  );
});

test.each([
  ['brackets', '['.repeat(1_000_000)],
  ['dashes', '- '.repeat(500_000)],
  ['too long', 'x'.repeat(1_048_577)],
  ['entries', `version: a\ntools:\n${'  x: { }\n'.repeat(100_000)}`],
])('a bomb of %s is refused', (_, text) => {
  expect(mistakesOf(text)[0]?.message).toMatch(/too large|nested too deeply/);
});

test('aliases are not followed, however often they multiply', () => {
  const level = (name: string, of: string) => `${name}: &${name} [${Array(9).fill(of).join(', ')}]\n`;
  let text = 'a0: &a0 [x]\n';
  for (let index = 1; index < 20; index++) text += level(`a${index}`, `*a${index - 1}`);
  expect(mistakesOf(text).length).toBeGreaterThan(19);
});

test('a hundred mistakes are listed, the others counted where the first of them stands', () => {
  const text = `version: a\ntools:\n${Array.from({ length: 250 }, (_, index) => `  t${index}: { effect: wirte }\n`).join('')}`;
  const mistakes = mistakesOf(text);
  expect(mistakes).toHaveLength(101);
  expect(mistakes[99]).toMatchObject({ line: 102, path: expect.stringContaining('t99') });
  expect(mistakes[100]).toEqual({ line: 103, column: 19, path: '', message: 'and 150 more from here on', count: 150 });
  expect(formatMistakes('p', text, mistakes)).toContain('p:103:19: and 150 more from here on');
  const compiled = readCompiledPolicy(JSON.stringify({ format: 1, version: 'a', tools: Array(250).fill({ match: 7 }) }));
  expect(!compiled.ok && compiled.mistakes.length).toBe(101);
  expect(!compiled.ok && compiled.mistakes.at(-1)?.message).toMatch(/^and \d+ more$/);
});

test('a glob is said to cover another only if it matches whatever the other matches', () => {
  const matches = (glob: string, name: string) => new PolicyLookup({ ...EMPTY_POLICY, tools: [{ match: glob }] }).tool(name) !== undefined;
  const globs = fc.stringMatching(/^[ab*?]{1,6}$/);
  fc.assert(
    fc.property(globs, globs, fc.stringMatching(/^[ab]{0,7}$/), (wide, narrow, name) => {
      if (covers(wide, narrow) && matches(narrow, name)) expect(matches(wide, name)).toBe(true);
    }),
    { numRuns: 3000 },
  );
  expect([covers('get_*', 'get_user'), covers('*', 'a?*'), covers('a*', '*a'), covers('?', '*')]).toEqual([true, true, false, false]);
});

test.each([
  ['{', 'this is no JSON'],
  ['{"format":2}', '`2` is none of 1'],
  ['{"format":1,"version":"a","tools":[{"match":"x","efect":"read"}]}', 'unknown key `efect`'],
])('a compiled policy that is none is told apart: %s', (json, message) => {
  const result = readCompiledPolicy(json);
  expect(!result.ok && result.mistakes.map((mistake) => mistake.message)).toContain(message);
});

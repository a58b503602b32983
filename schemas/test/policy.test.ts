import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY_POLICY, matchesGlob, PolicyLookup } from '../src/policy.ts';

/** What a glob means, said again: every way to share the name among the stars is tried. */
function means(glob: string, name: string): boolean {
  const [first, ...rest] = [...glob];
  const [letter, ...letters] = [...name];
  if (first === undefined) return letter === undefined;
  if (first === '*') return means(rest.join(''), name) || (letter !== undefined && means(glob, letters.join('')));
  return letter !== undefined && (first === '?' || first === letter) && means(rest.join(''), letters.join(''));
}

describe('a glob', () => {
  test('is a whole name, in which * stands for any characters and ? for one', () => {
    const units = ['a', 'b', '*', '?', '.', '\n', '\u{1f994}'];
    const glob = fc.array(fc.constantFrom(...units), { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(glob, glob, (pattern, name) => {
        expect(matchesGlob(pattern, name)).toBe(means(pattern, name));
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    ['billing.*', 'billing.charge', true],
    ['billing.*', 'billingXcharge', false],
    ['*_mail', 'send_mail', true],
    ['get_?', 'get_\u{1f994}', true],
    ['[a-z]+', 'abc', false],
    ['', '', true],
    ['**', '', true],
  ])('%s takes %s: %s', (pattern, name, expected) => {
    expect(matchesGlob(pattern, name)).toBe(expected);
  });

  test('of many stars is told from a name that almost fits, where trying every way to share it among them would not end', () => {
    const name = 'a'.repeat(512);
    expect(matchesGlob(`${'*a'.repeat(127)}*b`, name)).toBe(false);
    expect(matchesGlob(`${'*a'.repeat(127)}*`, name)).toBe(true);
  });
});

test('the first entry that matches holds, whole, and is remembered', () => {
  const lookup = new PolicyLookup({
    ...EMPTY_POLICY,
    tools: [
      { match: 'mail.*', effectName: 'mail' },
      { match: '*', effect: 'read' },
    ],
    dataSources: [{ match: 'kb?', untagged: 'allow' }],
  });
  for (let again = 0; again < 2; again++) {
    expect(lookup.tool('mail.send')).toEqual({ match: 'mail.*', effectName: 'mail' });
    expect(lookup.effectOf('mail.send')).toBeUndefined();
    expect(lookup.effectOf('other')).toBe('read');
    expect(lookup.dataSource('kb1')?.untagged).toBe('allow');
    expect(lookup.dataSource('kb')).toBeUndefined();
  }
});

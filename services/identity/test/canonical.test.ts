import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalForm, MAX_CANONICAL_BYTES, MAX_DEPTH } from '../src/index.ts';

const rfc = JSON.parse(readFileSync(new URL('../vectors/rfc-8785.json', import.meta.url), 'utf8')) as {
  readonly numbers: readonly (readonly [string, string])[];
  readonly values: readonly { readonly json: string; readonly canonical: string }[];
};

function doubleOf(bits: string): number {
  return Buffer.from(bits, 'hex').readDoubleBE();
}

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)];
}

describe('the canonical form is that of RFC 8785', () => {
  test.each(rfc.numbers)('number %s is %s', (bits, text) => {
    expect(canonicalForm(doubleOf(bits))).toEqual({ ok: true, text });
  });

  test.each(rfc.values)('value %#', ({ json, canonical }) => {
    expect(canonicalForm(JSON.parse(json))).toEqual({ ok: true, text: canonical });
  });

  test('it is what `canonicalize` makes, parses back to the value, and the order of members does not matter', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const canonical = canonicalForm(value);
        if (!canonical.ok) return canonical.code === 'lone_surrogate';
        expect(canonical.text).toBe(canonicalize(value));
        expect(JSON.parse(canonical.text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalForm(reversed(value))).toEqual(canonical);
        return true;
      }),
    );
  });

  test('members that are undefined are dropped, and no argument is told from null', () => {
    expect(canonicalForm({ a: undefined, b: 1 })).toEqual(canonicalForm({ b: 1 }));
    expect(canonicalForm(undefined)).toEqual({ ok: true, text: '' });
    expect(canonicalForm(null)).toEqual({ ok: true, text: 'null' });
  });

  test('a member named __proto__ is a member', () => {
    expect(canonicalForm(JSON.parse('{"__proto__":{"a":1},"b":2}'))).toEqual({ ok: true, text: '{"__proto__":{"a":1},"b":2}' });
  });

  test('objects of another realm are plain', () => {
    expect(canonicalForm(runInNewContext('({ b: [1], a: {} })'))).toEqual({ ok: true, text: '{"a":{},"b":[1]}' });
  });

  test('a value that is shared, not cyclic, is plain', () => {
    const shared = { x: 1 };
    expect(canonicalForm([shared, shared])).toEqual({ ok: true, text: '[{"x":1},{"x":1}]' });
  });
});

class Money {
  amount = 1;
}
const cycle: Record<string, unknown> = {};
cycle.self = { cycle };
const named: unknown[] & { extra?: number } = [1];
named.extra = 2;
const throwing = {
  get secret(): string {
    throw new Error('a value that must not be told');
  },
};
const doubling = (depth: number): unknown => {
  let value: unknown = 'x';
  for (let level = 0; level < depth; level++) value = [value, value];
  return value;
};

test.each([
  ['a Map', new Map([['a', 1]]), 'not_plain_json'],
  ['a Set', new Set([1]), 'not_plain_json'],
  ['a BigInt', 1n, 'not_plain_json'],
  ['a Date', new Date(0), 'not_plain_json'],
  ['bytes', new Uint8Array(2), 'not_plain_json'],
  ['a Buffer', Buffer.from('a'), 'not_plain_json'],
  ['a function', () => 1, 'not_plain_json'],
  ['a function as a member', { toJSON: () => 1 }, 'not_plain_json'],
  ['a symbol', Symbol('a'), 'not_plain_json'],
  ['a member named by a symbol', { [Symbol('a')]: 1 }, 'not_plain_json'],
  ['undefined in a list', [undefined], 'not_plain_json'],
  ['a hole in a list', Array(2), 'not_plain_json'],
  ['a list with a named member', named, 'not_plain_json'],
  ['a subclass of Array', new (class extends Array {})(), 'not_plain_json'],
  ['a class instance', { deep: new Money() }, 'not_plain_json'],
  ['a boxed string', Object('a'), 'not_plain_json'],
  ['an error', new Error('x'), 'not_plain_json'],
  ['a promise', Promise.resolve(1), 'not_plain_json'],
  ['NaN', { a: Number.NaN }, 'not_finite'],
  ['Infinity', [-Infinity], 'not_finite'],
  ['a lone surrogate', 'a\ud800', 'lone_surrogate'],
  ['a lone surrogate in a name', { '\udc00': 1 }, 'lone_surrogate'],
  ['a cycle', cycle, 'cyclic'],
  ['one container too many', nested(MAX_DEPTH + 1), 'too_deep'],
  ['too long a text', 'x'.repeat(MAX_CANONICAL_BYTES), 'too_large'],
  ['too long in UTF-8 alone', 'é'.repeat(MAX_CANONICAL_BYTES / 2), 'too_large'],
  ['a graph that unfolds to 2^60 leaves', doubling(60), 'too_large'],
  ['a getter that throws', throwing, 'unreadable'],
  ['a proxy that throws', new Proxy({}, { ownKeys: () => Promise.reject as never }), 'unreadable'],
  ['a revoked proxy', revoked(), 'unreadable'],
])('%s has no hash rather than that of something else', (_, value, code) => {
  expect(canonicalForm(value)).toEqual({ ok: false, code });
});

test('the bounds themselves are within bounds', () => {
  expect(canonicalForm(nested(MAX_DEPTH)).ok).toBe(true);
  expect(canonicalForm('x'.repeat(MAX_CANONICAL_BYTES - 2)).ok).toBe(true);
});

test('whatever the value, reading it never throws', () => {
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withBoxedValues: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withTypedArray: true,
        withSparseArray: true,
      }),
      (value) => {
        const canonical = canonicalForm(value);
        if (canonical.ok && canonical.text !== '') JSON.parse(canonical.text);
      },
    ),
  );
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

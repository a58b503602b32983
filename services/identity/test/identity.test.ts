import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  declaredKey,
  type HashKey,
  HashKeyError,
  IdentityProvider,
  inferredKey,
  keyAtPaths,
  parsePath,
  removeAt,
  valuesAt,
} from '../src/index.ts';
import { mac, macKey } from '../src/mac.ts';
import { encodeParts } from '../src/parts.ts';

const SECRET = 'a secret of at least thirty-two bytes';
const identity = new IdentityProvider({ id: 'k1', secret: SECRET }).forTenant('acme');

describe('keys', () => {
  test.each<[string, HashKey]>([
    ['a short secret', { id: 'k1', secret: 'x'.repeat(31) }],
    ['short bytes', { id: 'k1', secret: new Uint8Array(31) }],
    ['no id', { id: '', secret: SECRET }],
    ['an id with a space', { id: 'k 1', secret: SECRET }],
    ['a previous key with the same id', { id: 'k1', secret: SECRET, previous: { id: 'k1', secret: `${SECRET}!` } }],
    ['a short salt', { id: 'k1', secret: SECRET, salt: 'short' }],
    ['a short previous secret', { id: 'k1', secret: SECRET, previous: { id: 'k0', secret: 'short' } }],
    ['no secret', { id: 'k1', secret: undefined as unknown as string }],
  ])('%s is refused, without the secret in the text', (_, hashKey) => {
    expect(() => new IdentityProvider(hashKey)).toThrow(HashKeyError);
    try {
      new IdentityProvider(hashKey);
    } catch (error) {
      expect(String(error)).not.toContain(SECRET);
    }
  });

  test('a secret counts in bytes: 32 of them are enough, as text or bytes, and the same', () => {
    const text = 'é'.repeat(16);
    const [asText, asBytes] = [text, new TextEncoder().encode(text)].map((secret) =>
      new IdentityProvider({ id: 'k1', secret }).forTenant('acme'),
    );
    expect(asText?.digests('input', '{}')).toEqual(asBytes?.digests('input', '{}'));
  });

  test('T1: tenants share no digest, whatever their ids', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (one, other) => {
        fc.pre(one !== other);
        const provider = new IdentityProvider({ id: 'k1', secret: SECRET });
        const [a, b] = [provider.forTenant(one), provider.forTenant(other)];
        expect(a.digests('input', '{}')).not.toEqual(b.digests('input', '{}'));
        expect(a.leaves('x')).not.toEqual(b.leaves('x'));
      }),
    );
  });

  test('a tenant id of any length has keys', () => {
    expect(new IdentityProvider({ id: 'k1', secret: SECRET }).forTenant('é'.repeat(5000)).digests('input', '{}')).toHaveLength(1);
  });

  test('a function gives each tenant its own key, asked once while it is remembered', () => {
    const asked: string[] = [];
    const provider = new IdentityProvider((tenantId) => {
      asked.push(tenantId);
      return { id: `key-of-${tenantId}`, secret: SECRET + tenantId };
    }, 2);
    expect(provider.forTenant('a').digests('input', '{}')[0]?.hashKeyId).toBe('key-of-a');
    for (const tenant of ['b', 'b', 'c', 'a']) provider.forTenant(tenant);
    expect(asked).toEqual(['a', 'b', 'c', 'a']);
  });

  test('while a key is rotated, digests stand under both, the current first, and meet those of before', () => {
    const before = new IdentityProvider({ id: 'old', secret: SECRET }).forTenant('acme');
    const during = new IdentityProvider({ id: 'new', secret: `${SECRET}!`, previous: { id: 'old', secret: SECRET } }).forTenant('acme');
    expect(during.digests('input', '{}').map(({ hashKeyId }) => hashKeyId)).toEqual(['new', 'old']);
    expect(during.digests('input', '{}')[1]).toEqual(before.digests('input', '{}')[0]);
    const key = { scope: 'workflow', source: 'declared', parts: ['x'] } as const;
    expect(during.effectKeyDigests('charge', key)[1]).toEqual(before.effectKeyDigests('charge', key)[0]);
    for (const what of ['query', 'result', 'occurrence', 'approval', 'downstream'] as const) {
      expect(during.digests(what, 'x').map(({ hashKeyId }) => hashKeyId)).toEqual(['new', 'old']);
      expect(during.digests(what, 'x')[1]).toEqual(before.digests(what, 'x')[0]);
    }
  });

  test('while a key is rotated, plans are chained under each, and meet those of before and after', () => {
    const [before, during, after] = [
      { id: 'old', secret: SECRET },
      { id: 'new', secret: `${SECRET}!`, previous: { id: 'old', secret: SECRET } },
      { id: 'new', secret: `${SECRET}!` },
    ].map((ring) => {
      const identity = new IdentityProvider(ring).forTenant('acme');
      return identity.chainCalls(identity.chainCalls([], 'charge', identity.digests('input', '{}')), 'mail', []);
    });
    expect(during).toEqual([after?.[0], before?.[0]]);
    expect(before?.[0]?.digest).not.toBe(after?.[0]?.digest);
  });

  test('a chain whose keys change within a run does not look like one that starts', () => {
    const old = new IdentityProvider({ id: 'old', secret: SECRET }).forTenant('acme');
    const after = new IdentityProvider({ id: 'new', secret: `${SECRET}!` }).forTenant('acme');
    const preceding = old.chainCalls([], 'charge', old.digests('input', '{}'));
    const next = after.chainCalls(preceding, 'mail', after.digests('input', '{}'));
    expect(next.map(({ hashKeyId }) => hashKeyId)).toEqual(['new']);
    expect(next).not.toEqual(after.chainCalls([], 'mail', after.digests('input', '{}')));
  });

  test('what goes downstream is under the current key alone: what was sent before a change of keys is told apart from what is sent after', () => {
    const parts = { workflowId: 'w', scope: 'workflow', effectName: 'charge', basis: ['input', 'h'] } as const;
    const before = new IdentityProvider({ id: 'old', secret: SECRET }).forTenant('acme');
    const during = new IdentityProvider({ id: 'new', secret: `${SECRET}!`, previous: { id: 'old', secret: SECRET } }).forTenant('acme');
    const [sent, sentAgain] = [before, during].map((identity) => identity.digests('downstream', identity.idempotencyKey(parts)));
    expect(sentAgain?.map(({ hashKeyId }) => hashKeyId)).toEqual(['new', 'old']);
    expect(sentAgain?.[1]?.digest).not.toBe(sent?.[0]?.digest);
  });
});

describe('digests', () => {
  test('no two lists of parts are one: lengths are part of what is hashed', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.string({ unit: 'grapheme' })), (one, other) => {
        expect(encodeParts(one).equals(encodeParts(other))).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
    expect(encodeParts(['ab', 'c']).equals(encodeParts(['a', 'bc']))).toBe(false);
  });

  test('the two one-shot hashes are HMAC-SHA-256 as node:crypto makes it', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.array(fc.string({ unit: 'grapheme', maxLength: 20_000 }), { maxLength: 4 }),
        (key, parts) => {
          expect(mac(macKey(key), parts)).toBe(createHmac('sha256', key).update(encodeParts(parts)).digest('base64url'));
        },
      ),
      { numRuns: 50 },
    );
  });

  test('input, result and query of the same text have different hashes', () => {
    const digests = [identity.digests('input', '{}')[0], identity.digests('result', '{}')[0], identity.digests('query', '{}')[0]].map(
      (keyed) => keyed?.digest,
    );
    expect(new Set(digests).size).toBe(3);
    for (const digest of digests) expect(digest).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test('the idempotency key is the same in every run, and another per workflow, effect, basis and occurrence', () => {
    const parts = { workflowId: 'w', scope: 'workflow', effectName: 'charge', basis: ['input', 'h'] } as const;
    expect(identity.idempotencyKey(parts)).toBe(identity.idempotencyKey({ ...parts }));
    const others = [
      { ...parts, workflowId: 'v' },
      { ...parts, effectName: 'refund' },
      { ...parts, basis: ['input', 'i'] as const },
      { ...parts, basis: ['effect-key', 'h'] as const },
      { ...parts, occurrence: '' },
      { ...parts, occurrence: 'second' },
      { ...parts, scope: 'tenant' as const },
    ].map((other) => identity.idempotencyKey(other));
    expect(new Set([identity.idempotencyKey(parts), ...others]).size).toBe(8);
    const tenantWide = { ...parts, scope: 'tenant' as const };
    expect(identity.idempotencyKey({ ...tenantWide, workflowId: 'v' })).toBe(identity.idempotencyKey(tenantWide));
  });
});

describe('effect keys', () => {
  test('a path to a string and code that returns the string declare the same key', () => {
    expect(keyAtPaths({ invoice: { id: ' inv-1 ' } }, ['invoice.id'])).toEqual(declaredKey('inv-1'));
  });

  test('a number and its text are the same id', () => {
    expect(keyAtPaths({ id: 5 }, ['id'])).toEqual(keyAtPaths({ id: '5' }, ['id']));
  });

  test('nothing at any path is no key; a missing part among others is a part', () => {
    expect(keyAtPaths({}, ['a', 'b'])).toBeUndefined();
    expect(keyAtPaths(undefined, ['a'])).toBeUndefined();
    expect(keyAtPaths({ a: null }, ['a'])).toBeUndefined();
    expect(keyAtPaths({ b: 'x' }, ['a', 'b'])?.parts).toEqual(['', 'x']);
    expect(declaredKey('  ')).toBeUndefined();
  });

  test('inferred: every top-level id by name, and nothing else', () => {
    const inferred = inferredKey({
      orderId: 'o-1',
      customer_id: 42,
      uuid: 'u',
      itemIds: ['a', 'b'],
      request_id: 'r',
      traceId: 't',
      paid: 'no id',
      valid: true,
      thread_id: 'has a space',
      nested: { id: 'deep' },
      note_id: '',
      list_ids: [],
    });
    expect(inferred).toEqual({
      scope: 'workflow',
      source: 'inferred',
      parts: ['customer_id', '42', 'itemIds', '["a","b"]', 'orderId', 'o-1', 'uuid', 'u'],
    });
  });

  test.each([[{}], [[{ id: 1 }]], ['id'], [null], [undefined], [{ amount: 5, paid: 'x', humid: 'y' }]])(
    'inferred from %j: none',
    (input) => {
      expect(inferredKey(input)).toBeUndefined();
    },
  );
});

describe('paths', () => {
  test('they lead through members and lists, and nowhere else', () => {
    const value = { items: [{ sku: 'a', tags: ['x'] }, { sku: 'b' }, 5], order: { id: 7 } };
    const at = (path: string) => valuesAt(value, parsePath(path));
    expect(at('items[].sku')).toEqual(['a', 'b']);
    expect(at('items[].tags[]')).toEqual(['x']);
    expect(at('order.id')).toEqual([7]);
    for (const nowhere of ['order[]', 'items.sku', 'order.id.x', 'toString', 'items.length', '__proto__']) expect(at(nowhere)).toEqual([]);
    expect(valuesAt([{ a: 1 }], parsePath('[].a'))).toEqual([1]);
  });

  test('what is volatile is removed, and only that', () => {
    const value = { nonce: 1, keep: 2, items: [{ nonce: 'x', sku: 's' }, 3], list: [1, 2] };
    for (const path of ['nonce', 'items[].nonce', 'list[]', 'absent.deep']) removeAt(value, parsePath(path));
    expect(value).toEqual({ keep: 2, items: [{ sku: 's' }, 3], list: [null, null] });
  });
});

describe('leaves', () => {
  const paths = (value: Parameters<typeof identity.leaves>[0]) => identity.leaves(value).digests.map(({ path }) => path);

  test('P1: member names leave in clear only if no digit or other sign is in them', () => {
    const digests = identity.leaves({ 'order-4711': 1, line2: 1, 'a.b': 1, é: 1, ok_Name: 1, [`x${'x'.repeat(64)}`]: 1 }).digests;
    expect(digests.filter(({ path }) => path === 'ok_Name')).toHaveLength(1);
    for (const { path } of digests) expect(path).toMatch(/^(ok_Name|~[A-Za-z0-9_-]{11})$/);
  });

  test('members are in canonical order, the near ones first, entries of a list in their own under one path', () => {
    expect(
      paths({
        b: { z: 1 },
        a: 1,
        items: [
          { sku: 1, n: 2 },
          { sku: 3, n: 4 },
        ],
      }),
    ).toEqual(['a', 'b.z', 'items[].n', 'items[].sku', 'items[].n', 'items[].sku']);
  });

  test('a leaf itself, nothing, and empty containers', () => {
    expect(paths('x')).toEqual(['$']);
    expect(paths(undefined)).toEqual([]);
    expect(paths({ a: [], b: {} })).toEqual(['a', 'b']);
    expect(new Set(identity.leaves({ a: [], b: {}, c: null }).digests.map(({ digest }) => digest)).size).toBe(3);
  });

  test('at most 32, the rest counted', () => {
    const { digests, omitted } = identity.leaves(Array.from({ length: 100 }, (_, index) => index));
    expect([digests.length, omitted]).toEqual([32, 68]);
  });

  test('texts are compared in NFC and without white space around; numbers with their text', () => {
    const digest = (value: string | number) => identity.leaves(value).digests[0]?.digest;
    expect(digest(' Café ')).toBe(digest('Cafe\u0301'));
    expect(digest('5')).toBe(digest(5));
    expect(digest('a b')).not.toBe(digest('ab'));
  });
});

const vectors = JSON.parse(readFileSync(new URL('../vectors/identity.json', import.meta.url), 'utf8')) as {
  readonly kinds: readonly { readonly name: string; readonly value: string; readonly kind: string }[];
};

test('the published vectors show every kind of leaf', () => {
  expect(new Set(vectors.kinds.map(({ kind }) => kind))).toEqual(
    new Set(['id', 'token', 'address', 'time', 'number', 'word', 'text', 'flag']),
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventKey, KeyError, parseEventKey } from '../src/index.ts';
import { isKeyOf } from '../src/key.ts';

const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });

test('T1: a key gives back the tenant and workflow that it was made of', () => {
  fc.assert(
    fc.property(id, id, (tenantId, workflowId) => {
      expect(parseEventKey(eventKey(tenantId, workflowId))).toEqual({ tenantId, workflowId });
    }),
  );
});

test('T1: two workflows have the same key only where they are the same', () => {
  const short = fc.string({ unit: fc.constantFrom('a', '/', '%', '2', 'F', 'é', ' '), minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.tuple(short, short), fc.tuple(short, short), (one, other) => {
      expect(eventKey(...one) === eventKey(...other)).toBe(one[0] === other[0] && one[1] === other[1]);
      expect(isKeyOf(Buffer.from(eventKey(...one)), ...other)).toBe(one[0] === other[0] && one[1] === other[1]);
    }),
    { numRuns: 2000 },
  );
});

test('a key is compared by bytes as it is made by text', () => {
  fc.assert(
    fc.property(id, id, fc.uint8Array({ maxLength: 20 }), (tenantId, workflowId, other) => {
      expect(isKeyOf(Buffer.from(eventKey(tenantId, workflowId)), tenantId, workflowId)).toBe(true);
      expect(isKeyOf(Buffer.from(other), tenantId, workflowId)).toBe(false);
    }),
  );
});

test('a key is plain text in any log, whatever the ids', () => {
  expect(eventKey('acme', 'invoice-run-7')).toBe('acme/invoice-run-7');
  expect(eventKey('a/b', 'c%2F d\u0000é')).toBe('a%2Fb/c%252F%20d%00%C3%A9');
});

test('ids without a key are told by code', () => {
  expect(() => eventKey('', 'w')).toThrow(expect.objectContaining({ code: 'empty' }));
  expect(() => eventKey('t', '')).toThrow(KeyError);
  expect(() => eventKey('t\ud800', 'w')).toThrow(expect.objectContaining({ code: 'not_well_formed' }));
  expect(isKeyOf(Buffer.from('/w'), '', 'w')).toBe(false);
  expect(isKeyOf(Buffer.from('t/'), 't', '')).toBe(false);
  expect(isKeyOf(Buffer.from('t/w'), 't\ud800', 'w')).toBe(false);
});

test('what is no key is not read as one', () => {
  for (const text of ['', 'acme', '/', 'acme/', '/w', 'a/b/c', 'a%2fb/c', 'a b/c', 'a%/c', 'a%ff/c', '%61/b'])
    expect([text, parseEventKey(text)]).toEqual([text, undefined]);
});

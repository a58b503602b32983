import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createCodec, deadLetterOf, fileRegistry, type StandingRecord } from '../src/index.ts';

const RECORD: StandingRecord = {
  topic: 'idemtrace.events',
  partition: 3,
  offset: 17,
  logTime: 1_760_000_000_000,
  key: Buffer.from('acme/invoice-run'),
  value: Buffer.from([1, 2, 3]),
  headers: { traceparent: Buffer.from('00') },
};

const codec = await createCodec({ registry: fileRegistry() });

test('a dead letter holds its record whole, with its place', () => {
  const { headers: _, ...place } = RECORD;
  expect(deadLetterOf(RECORD, 'bad_magic', 'wire format')).toEqual({
    ...place,
    reason: 'bad_magic',
    detail: 'wire format',
    valueTruncated: false,
    valueBytes: 3,
    valueSha256: createHash('sha256')
      .update(Buffer.from([1, 2, 3]))
      .digest('hex'),
    headers: [{ name: 'traceparent', value: Buffer.from('00') }],
  });
  expect(deadLetterOf({ ...RECORD, key: null, value: null, headers: {} }, 'no_value', 'value: null')).toMatchObject({
    key: null,
    value: null,
    valueTruncated: false,
    valueBytes: 0,
    valueSha256: null,
    headers: [],
  });
});

const MEGABYTE = 1_048_576;
const many = (count: number, bytes: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`header-${n}`, Buffer.alloc(bytes)]));

test.each([
  ['a value of 16 MiB', { value: Buffer.alloc(16 * MEGABYTE) }, 'value cut at 1048576 bytes'],
  ['a key of 2 MiB', { key: Buffer.alloc(2 * MEGABYTE) }, 'key cut at 65536 bytes'],
  ['a header of 2 MiB', { headers: { h: Buffer.alloc(2 * MEGABYTE) } }, '1 headers left out'],
  ['a hundred thousand headers', { headers: many(100_000, 0) }, 'headers left out'],
  [
    'all of it at once',
    { key: Buffer.alloc(2 * MEGABYTE), value: Buffer.alloc(2 * MEGABYTE), headers: many(4000, 200) },
    'value cut at 1048576 bytes; key cut at 65536 bytes',
  ],
])('W7: a record with %s has a dead letter that can be written, and says what it lacks', async (_, record, said) => {
  const letter = deadLetterOf({ ...RECORD, ...record }, 'too_large', 'value: too long');
  expect(letter.detail).toContain(said);
  expect(letter.valueTruncated).toBe(true);
  const value = codec.encode('DeadLetter', letter);
  const [read] = await codec.decode([{ key: null, value, logTime: 0 }]);
  expect(read).toMatchObject({ ok: true, record: { value: { reason: 'too_large', offset: 17 } } });
});

test('W7: a header’s name that UTF-8 cannot carry does not keep its dead letter from being written', () => {
  const letter = deadLetterOf({ ...RECORD, headers: { '\ud800': Buffer.from('x') } }, 'bad_magic', 'wire format');
  expect(codec.encode('DeadLetter', letter).length).toBeGreaterThan(0);
});

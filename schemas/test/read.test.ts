import type { Schema, Type } from 'avsc';
import avro from 'avsc';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { currentSchema, RECORD_NAMES } from '../src/current.ts';
import { SCHEMAS } from '../src/generated/schemas.ts';
import type { RecordName } from '../src/index.ts';
import { sharedText } from '../src/intern.ts';
import { compileReader } from '../src/read.ts';
import { parseSchema } from '../src/schema.ts';
import { ARBITRARIES } from './arbitraries.ts';
import { evolved } from './evolved.ts';

function avroOf(schema: string): Type {
  return avro.Type.forSchema(JSON.parse(schema) as Schema, { wrapUnions: 'never' });
}

function readerOf(schema: string, name: RecordName): (bytes: Buffer) => unknown {
  const parsed = parseSchema(schema);
  if (!parsed.ok) throw new Error(parsed.detail);
  const read = compileReader(parsed.root, currentSchema(name));
  return (bytes) => {
    const answer = read(bytes, 0);
    return answer.ok ? answer.value : answer.fault;
  };
}

for (const name of RECORD_NAMES)
  test(`${name}: reads what another Avro library reads, of today's writer and of a later one`, () => {
    const newer = evolved(name);
    const reader = avroOf(SCHEMAS[name]);
    const resolver = reader.createResolver(avroOf(newer.schema));
    const [readCurrent, readNewer] = [readerOf(SCHEMAS[name], name), readerOf(newer.schema, name)];
    fc.assert(
      fc.property(ARBITRARIES[name]() as fc.Arbitrary<object>, (value) => {
        const bytes = reader.toBuffer(value);
        expect(readCurrent(bytes)).toEqual(reader.fromBuffer(bytes));
        const later = newer.encode(value);
        expect(readNewer(later)).toEqual(reader.fromBuffer(later, resolver));
      }),
      { numRuns: 100 },
    );
  });

test('arrays in blocks that say their size are read as those that do not', () => {
  const schema = JSON.parse(SCHEMAS.ClockTick) as { fields: object[] };
  schema.fields.unshift({ name: 'dropped', type: { type: 'array', items: 'string' } });
  const read = readerOf(JSON.stringify(schema), 'ClockTick');
  const tick = avroOf(SCHEMAS.ClockTick).toBuffer({ occurredAt: 1_760_000_000_000 });
  const blocks = ['0402610262' + '00', '03' + '08' + '02610262' + '00', '020261' + '0104' + '0262' + '00', '00'];
  for (const block of blocks) expect(read(Buffer.concat([Buffer.from(block, 'hex'), tick]))).toEqual({ occurredAt: 1_760_000_000_000 });
  for (const size of ['06', '0a'])
    expect(read(Buffer.concat([Buffer.from(`03${size}0261026200`, 'hex'), tick]))).toMatchObject({ reason: 'bad_block', field: 'dropped' });
});

test('a map and a number of a later writer are read over', () => {
  const schema = JSON.parse(SCHEMAS.ClockTick) as { fields: object[] };
  const dropped = { name: 'dropped', type: { type: 'map', values: ['int', 'long', 'double', { type: 'fixed', name: 'Eight', size: 8 }] } };
  schema.fields.unshift(dropped);
  const read = readerOf(JSON.stringify(schema), 'ClockTick');
  const tick = avroOf(SCHEMAS.ClockTick).toBuffer({ occurredAt: 1_760_000_000_000 });
  const map = Buffer.from(
    `08${['0261' + '0002', '0262' + '0202', `0263${'04'}${'00'.repeat(8)}`, `0264${'06'}${'ff'.repeat(8)}`].join('')}00`,
    'hex',
  );
  expect(read(Buffer.concat([map, tick]))).toEqual({ occurredAt: 1_760_000_000_000 });
});

test('T1: text that is shared is the text that was written, however many there are and whatever their hash', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 12 }), { maxLength: 200 }), fc.nat({ max: 8 }), (texts, hashes) => {
      for (const text of [...texts, ...texts]) {
        const bytes = Buffer.from(`..${text}.`);
        expect(sharedText(bytes, 2, bytes.length - 1, text.length % (hashes + 1))).toBe(text);
      }
    }),
  );
});

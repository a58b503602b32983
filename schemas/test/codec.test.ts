import avro from 'avsc';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { currentSchema, RECORD_NAMES } from '../src/current.ts';
import { SCHEMAS } from '../src/generated/schemas.ts';
import type { AnyRecord, RecordName } from '../src/index.ts';
import { createCodec, EncodeError, fileRegistry, RegistryError } from '../src/index.ts';
import { MAX_LONG } from '../src/limits.ts';
import { compileReader } from '../src/read.ts';
import { ARBITRARIES, arbitraryAnyRecord } from './arbitraries.ts';
import { encodeUnchecked, frame, idOf, keyOf, raw, registryOf, SAMPLES } from './wire.ts';

const codec = await createCodec({ registry: fileRegistry() });

function encode(record: AnyRecord): Buffer {
  return codec.encode<RecordName>(record.name, record.value);
}

for (const name of RECORD_NAMES)
  test(`every valid ${name} comes back as it was`, async () => {
    await fc.assert(
      fc.asyncProperty(ARBITRARIES[name]() as fc.Arbitrary<unknown>, async (value) => {
        const record = { name, value } as unknown as AnyRecord;
        const [decoded] = await codec.decode([raw(encode(record), keyOf(record))]);
        expect(decoded).toEqual({ ok: true, record });
      }),
      { numRuns: 150 },
    );
  });

test('a batch is answered record by record, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryAnyRecord(), { maxLength: 12 }), async (records) => {
      const decoded = await codec.decode(records.flatMap((record) => [raw(encode(record), keyOf(record)), raw(null)]));
      expect(decoded.map((answer) => (answer.ok ? answer.record.name : answer.reason))).toEqual(
        records.flatMap((record) => [record.name, 'no_value']),
      );
    }),
    { numRuns: 30 },
  );
});

test('the wire format is the byte 0, the schema id big-endian and what any Avro library writes', () => {
  const bytes = codec.encode('ToolCallEvent', SAMPLES.ToolCallEvent);
  const other = avro.Type.forSchema(JSON.parse(SCHEMAS.ToolCallEvent) as avro.Schema);
  expect(bytes.subarray(0, 5)).toEqual(Buffer.from([0, ...[24, 16, 8, 0].map((shift) => (idOf('ToolCallEvent') >>> shift) & 255)]));
  expect(other.fromBuffer(bytes.subarray(5))).toEqual(expect.objectContaining({ tenantId: 'acme', phase: 'succeeded', durationMs: 12.75 }));
});

test('a record longer than any before is written whole', async () => {
  const value = { ...SAMPLES.DeadLetter, value: Buffer.alloc(300_000, 7) };
  expect(await codec.decode([raw(codec.encode('DeadLetter', value), null)])).toEqual([{ ok: true, record: { name: 'DeadLetter', value } }]);
});

test('an encoded record does not change when the next one is encoded', () => {
  const first = codec.encode('ClockTick', SAMPLES.ClockTick);
  const copy = Buffer.from(first);
  codec.encode('ToolCallEvent', SAMPLES.ToolCallEvent);
  expect(first).toEqual(copy);
});

test('P1: a value that is refused is named by field and bound, not told', () => {
  const canary = 'CANARY-4711';
  const attempts = [
    () => codec.encode('RunEvent', { ...SAMPLES.RunEvent, emitterId: canary }),
    () => codec.encode('RunEvent', { ...SAMPLES.RunEvent, attempt: canary as unknown as number }),
    () => codec.encode('RunEvent', { ...SAMPLES.RunEvent, tenantId: `${canary}\ud800` }),
    () => codec.encode('RunEvent', { ...SAMPLES.RunEvent, phase: canary as 'started' }),
    () => codec.encode('ToolCallEvent', { ...SAMPLES.ToolCallEvent, groundedOn: ['fine', `${canary}\n`] }),
  ];
  const errors = attempts.map((attempt) => {
    try {
      attempt();
    } catch (error) {
      return error;
    }
    return undefined;
  });
  expect(errors.every((error) => error instanceof EncodeError)).toBe(true);
  expect(errors.map((error) => (error as EncodeError).field)).toEqual(['emitterId', 'attempt', 'tenantId', 'phase', 'groundedOn[1]']);
  expect(errors.map(String).join()).not.toContain(canary);
});

test('P1: no detail of a refusal tells a value', async () => {
  const canary = 'CANARY-4711';
  const answers = await codec.decode([
    raw(encodeUnchecked('ToolCallEvent', { ...SAMPLES.ToolCallEvent, executionId: canary })),
    raw(encodeUnchecked('ToolCallEvent', { ...SAMPLES.ToolCallEvent, tool: `${canary}\u0000` })),
    raw(encodeUnchecked('ToolCallEvent', { ...SAMPLES.ToolCallEvent, tenantId: canary })),
  ]);
  expect(answers.map((answer) => answer.ok)).toEqual([false, false, false]);
  expect(JSON.stringify(answers)).not.toContain(canary);
});

test('W7: a registry that is away is waited for, and makes no dead letter', async () => {
  const registry = registryOf(new Map([[7, SCHEMAS.ClockTick]]));
  const patient = await createCodec({ registry });
  const record = raw(frame(7, encodeUnchecked('ClockTick', SAMPLES.ClockTick).subarray(5)), null);
  registry.away = true;
  await expect(patient.decode([record])).rejects.toThrow(RegistryError);
  expect(patient.decodeKnown(record)).toBeUndefined();
  registry.away = false;
  expect(await patient.decode([record])).toEqual([{ ok: true, record: { name: 'ClockTick', value: SAMPLES.ClockTick } }]);
  expect(patient.decodeKnown(record)).toMatchObject({ ok: true });
});

test('an unknown schema id is asked for once a minute, a known one once', async () => {
  let now = 0;
  const schemas = new Map<number, string>();
  const registry = registryOf(schemas);
  const asking = await createCodec({ registry, clock: () => now });
  const record = raw(frame(9, encodeUnchecked('ClockTick', SAMPLES.ClockTick).subarray(5)), null);
  for (now of [0, 30_000, 59_999])
    expect(await asking.decode([record, record])).toMatchObject([{ reason: 'unknown_schema' }, { reason: 'unknown_schema' }]);
  expect(registry.asked).toEqual([9]);
  schemas.set(9, SCHEMAS.ClockTick);
  for (now of [60_000, 200_000]) expect(await asking.decode([record])).toMatchObject([{ ok: true }]);
  expect(registry.asked).toEqual([9, 9]);
});

test('made-up schema ids do not grow the memory without bound, nor are they asked for twice in a batch', async () => {
  const registry = registryOf(new Map());
  const asking = await createCodec({ registry });
  const records = Array.from({ length: 6000 }, (_, id) => raw(frame(id, Buffer.alloc(1))));
  const answers = await asking.decode([...records, ...records]);
  expect(new Set(answers.map((answer) => (answer.ok ? '' : answer.reason)))).toEqual(new Set(['unknown_schema']));
  expect(registry.asked.length).toBe(6000);
});

test('a schema that the registry does not have is refused by name when it is needed, not before', async () => {
  const reading = await createCodec({
    registry: {
      async idOf() {
        throw new RegistryError('not_registered', 'none');
      },
      schemaById: async () => SCHEMAS.ClockTick,
    },
  });
  expect(() => reading.encode('ClockTick', SAMPLES.ClockTick)).toThrow(expect.objectContaining({ code: 'not_registered' }));
  expect(await reading.decode([raw(encodeUnchecked('ClockTick', SAMPLES.ClockTick), null)])).toMatchObject([{ ok: true }]);
});

test('whole numbers are exact or refused, up to the largest', async () => {
  for (const sequence of [2 ** 28 - 1, 2 ** 28, 2 ** 31, 2 ** 40 + 1, 2 ** 52, 2 ** 52 + 1, MAX_LONG]) {
    const value = { ...SAMPLES.RunEvent, sequence };
    expect(await codec.decode([raw(codec.encode('RunEvent', value))])).toEqual([{ ok: true, record: { name: 'RunEvent', value } }]);
  }
  expect(() => codec.encode('RunEvent', { ...SAMPLES.RunEvent, sequence: 2 ** 53 })).toThrow(
    expect.objectContaining({ reason: 'number_out_of_range' }),
  );
});

test('a huge count is refused before anything is made of it', () => {
  const schema = currentSchema('DeadLetter');
  const read = compileReader(schema, schema);
  const whole = encodeUnchecked('DeadLetter', { ...SAMPLES.DeadLetter, headers: [] }).subarray(5);
  const before = whole.subarray(0, whole.length - 1);
  const counts = { '2^60': 'ffffffffffffffff1f', '2^31': '8080808010', '-2^62': 'ffffffffffffffff7f02', '100,000': 'c09a0c' };
  for (const [count, hex] of Object.entries(counts))
    expect(read(Buffer.concat([before, Buffer.from(hex, 'hex'), Buffer.alloc(16)]), 0), count).toMatchObject({
      fault: { field: 'headers' },
    });
  // Even where there are bytes for them.
  const many = Buffer.concat([before, Buffer.from('c09a0c', 'hex'), Buffer.alloc(200_001)]);
  expect(read(many, 0)).toMatchObject({ fault: { reason: 'too_many_items', field: 'headers' } });
});

test('W7: a registry so slow that its answers grow old on the way keeps no batch from being decoded', async () => {
  let now = 0;
  const registry = registryOf(new Map());
  const { schemaById } = registry;
  registry.schemaById = async (id) => {
    // Between the first answer and the last of a batch more time goes by than the first one is believed for.
    now += 61_000;
    return schemaById.call(registry, id);
  };
  const codec = await createCodec({ registry, clock: () => now });
  const ids = Array.from({ length: 40 }, (_, n) => 500 + n);
  const good = encodeUnchecked('RunEvent', SAMPLES.RunEvent);
  const decoded = await codec.decode([...ids.map((id) => raw(frame(id, Buffer.from([0])))), raw(good)]);
  expect(decoded.map((answer) => (answer.ok ? answer.record.name : answer.reason))).toEqual([
    ...ids.map(() => 'unknown_schema'),
    'RunEvent',
  ]);
  expect(registry.asked.toSorted()).toEqual(ids);
});

test('W7: two batches that ask for more schemas than are remembered do not make each other ask again', async () => {
  const registry = registryOf(new Map());
  const codec = await createCodec({ registry });
  const batches = [0, 1].map((batch) => Array.from({ length: 3000 }, (_, n) => raw(frame(10_000 * (batch + 1) + n, Buffer.from([0])))));
  const decoded = await Promise.all(batches.map((records) => codec.decode(records)));
  expect(decoded.flat().filter((answer) => answer.ok || answer.reason !== 'unknown_schema')).toEqual([]);
  expect(registry.asked.length).toBe(6000);
});

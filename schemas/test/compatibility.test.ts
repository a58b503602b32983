import type { Schema } from 'avsc';
import avro from 'avsc';
import { expect, test } from 'vitest';
import { evolutionMistakes, fullTransitiveMistakes, incompatibilities } from '../src/compatibility.ts';
import { currentSchema, RECORD_NAMES } from '../src/current.ts';
import { RELEASED } from '../src/generated/history.ts';
import { SCHEMAS } from '../src/generated/schemas.ts';
import type { RecordName } from '../src/index.ts';
import { createCodec } from '../src/index.ts';
import { parseSchema } from '../src/schema.ts';
import { evolved, type RecordJson, schemaJson } from './evolved.ts';
import { frame, raw, registryOf, SAMPLES } from './wire.ts';

for (const name of RECORD_NAMES)
  test(`${name} is compatible with every release, both ways`, () => {
    const releases = RELEASED.filter((released) => released.name === name);
    expect(fullTransitiveMistakes(SCHEMAS[name], releases)).toEqual([]);
    for (const { schema } of releases) expect([resolves(SCHEMAS[name], schema), resolves(schema, SCHEMAS[name])]).toEqual([true, true]);
  });

test('every schema can change later: enums and nullable fields have defaults', () => {
  for (const name of RECORD_NAMES) expect([name, evolutionMistakes(currentSchema(name))]).toEqual([name, []]);
});

/** Whether the decoder's own resolver would read it. */
function resolves(reader: string, writer: string): boolean {
  try {
    const type = (text: string) => avro.Type.forSchema(JSON.parse(text) as Schema, { wrapUnions: 'never' });
    type(reader).createResolver(type(writer));
    return true;
  } catch {
    return false;
  }
}

function edited(name: RecordName, edit: (json: RecordJson) => void): string {
  const json = schemaJson(name);
  edit(json);
  return JSON.stringify(json);
}

function field(json: RecordJson, name: string): { name: string; type: unknown; default?: unknown } {
  const found = json.fields.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no field ${name}`);
  return found;
}

/** Changes and whether a release may make them. */
const CHANGES: Readonly<Record<string, { readonly allowed: boolean; readonly schema: string }>> = {
  'an optional field more': {
    allowed: true,
    schema: edited('RunEvent', (json) => json.fields.push({ name: 'added', type: ['null', 'string'], default: null })),
  },
  'an optional field more at the front': {
    allowed: true,
    schema: edited('RunEvent', (json) => json.fields.unshift({ name: 'added', type: ['null', 'string'], default: null })),
  },
  'a list more, empty by default': {
    allowed: true,
    schema: edited('RunEvent', (json) => json.fields.push({ name: 'added', type: { type: 'array', items: 'long' }, default: [] })),
  },
  'an optional field less': {
    allowed: true,
    schema: edited('RunEvent', (json) => void json.fields.splice(json.fields.indexOf(field(json, 'traceId') as never), 1)),
  },
  'a symbol more': {
    allowed: true,
    schema: edited('RunEvent', (json) => (field(json, 'phase').type as { symbols: string[] }).symbols.push('resumed')),
  },
  'fields in another order': { allowed: true, schema: edited('RunEvent', (json) => void json.fields.reverse()) },
  'a required field more': { allowed: false, schema: edited('RunEvent', (json) => json.fields.push({ name: 'added', type: 'string' })) },
  'a required field less': {
    allowed: false,
    schema: edited('RunEvent', (json) => void json.fields.splice(json.fields.indexOf(field(json, 'runId') as never), 1)),
  },
  'a field of another name': {
    allowed: false,
    schema: edited('RunEvent', (json) => Object.assign(field(json, 'tenantId'), { name: 'tenant' })),
  },
  'a field of another type': { allowed: false, schema: edited('RunEvent', (json) => Object.assign(field(json, 'runId'), { type: 'int' })) },
  'a number widened: an old reader cannot narrow it': {
    allowed: false,
    schema: edited('RunEvent', (json) => Object.assign(field(json, 'attempt'), { type: 'long' })),
  },
  'a required field made nullable': {
    allowed: false,
    schema: edited('RunEvent', (json) => Object.assign(field(json, 'runId'), { type: ['null', 'string'], default: null })),
  },
  'a symbol less, where the default stands for it': {
    allowed: true,
    schema: edited('RunEvent', (json) => void (field(json, 'phase').type as { symbols: string[] }).symbols.pop()),
  },
  'an enum without its default': {
    allowed: false,
    schema: edited('RunEvent', (json) => delete (field(json, 'phase').type as { default?: string }).default),
  },
  'a nullable field without its default': { allowed: false, schema: edited('RunEvent', (json) => delete field(json, 'traceId').default) },
  'a default of another type': {
    allowed: false,
    schema: edited('RunEvent', (json) => Object.assign(field(json, 'incarnation'), { default: 'none' })),
  },
};

for (const [what, { allowed, schema }] of Object.entries(CHANGES))
  test(`${what} is ${allowed ? 'compatible' : 'refused'}`, () => {
    const mistakes = fullTransitiveMistakes(schema, [{ version: '0.0.0', schema: SCHEMAS.RunEvent }]);
    expect(mistakes.length === 0).toBe(allowed);
  });

test('the rules of resolution are the decoder’s', () => {
  const texts = Object.values(CHANGES)
    .map(({ schema }) => schema)
    .filter((text) => resolves(text, text));
  texts.push(SCHEMAS.RunEvent);
  let compatible = 0;
  for (const reader of texts)
    for (const writer of texts) {
      const [read, written] = [parseSchema(reader), parseSchema(writer)];
      if (!read.ok || !written.ok) throw new Error('a schema of the test is refused');
      const expected = resolves(reader, writer);
      compatible += Number(expected);
      expect([reader, writer, incompatibilities(read.root, written.root).length === 0]).toEqual([reader, writer, expected]);
    }
  expect(compatible).toBeGreaterThan(texts.length);
  expect(compatible).toBeLessThan(texts.length ** 2);
});

test('what a later release writes is read today: new fields are dropped, new symbols are unspecified', async () => {
  const newer = evolved('ToolCallEvent');
  const codec = await createCodec({ registry: registryOf(new Map([[77, newer.schema]])) });
  const value = SAMPLES.ToolCallEvent;
  expect(await codec.decode([raw(frame(77, newer.encode(value)))])).toEqual([{ ok: true, record: { name: 'ToolCallEvent', value } }]);
  const added = newer.encode({ ...value, effectClass: 'added', argumentDigests: [{ path: 'a', digest: 'AAAAAAAAAAA', kind: 'added' }] });
  expect(await codec.decode([raw(frame(77, added))])).toMatchObject([
    { ok: true, record: { value: { effectClass: 'unspecified', argumentDigests: [{ kind: 'unspecified' }] } } },
  ]);
  expect(await codec.decode([raw(frame(77, newer.encode({ ...value, phase: 'added' })))])).toMatchObject([
    { ok: false, reason: 'unspecified_phase' },
  ]);
});

test('what an earlier release wrote is read today: missing fields take their defaults, numbers are widened, bytes become text only as UTF-8', async () => {
  const older = edited('RunEvent', (json) => {
    json.fields = json.fields.filter(({ name }) => !['traceId', 'incarnation', 'agentId'].includes(name));
    Object.assign(field(json, 'sequence'), { type: 'int' });
    Object.assign(field(json, 'runId'), { type: 'bytes' });
    Object.assign(field(json, 'policyVersion'), { type: 'string', default: '' });
  });
  const type = avro.Type.forSchema(JSON.parse(older) as Schema, { wrapUnions: 'never' });
  const codec = await createCodec({ registry: registryOf(new Map([[70, older]])) });
  const written = (runId: Buffer) => raw(frame(70, type.toBuffer({ ...SAMPLES.RunEvent, runId })));
  const value = { ...SAMPLES.RunEvent, runId: 'run-é', agentId: null, incarnation: 0, traceId: null };
  expect(await codec.decode([written(Buffer.from('run-é'))])).toEqual([{ ok: true, record: { name: 'RunEvent', value } }]);
  expect(await codec.decode([written(Buffer.from([0xff]))])).toMatchObject([{ ok: false, reason: 'bad_utf8' }]);
});

test('a number too large to be exact is skipped where today’s reader drops its field', async () => {
  const schema = edited('ClockTick', (json) => json.fields.unshift({ name: 'added', type: 'long', default: 0 }));
  const codec = await createCodec({ registry: registryOf(new Map([[71, schema]])) });
  const tick = codec.encode('ClockTick', SAMPLES.ClockTick).subarray(5);
  const largest = Buffer.from('feffffffffffffffff01', 'hex');
  expect(await codec.decode([raw(frame(71, Buffer.concat([largest, tick])), null)])).toEqual([
    { ok: true, record: { name: 'ClockTick', value: SAMPLES.ClockTick } },
  ]);
});

import avro from 'avsc';
import { expect, test } from 'vitest';
import { currentSchema, RECORD_NAMES } from '../src/current.ts';
import { RELEASED, SCHEMA_IDS } from '../src/generated/history.ts';
import { SCHEMAS } from '../src/generated/schemas.ts';
import { fileRegistry, RegistryError } from '../src/index.ts';
import { canonicalForm, MAX_SCHEMA_DEPTH, parseSchema } from '../src/schema.ts';
import { schemaId } from '../src/schema-id.ts';
import { writerOf } from '../src/writers.ts';
import { addSymbol, schemaJson } from './evolved.ts';

test('every current schema is found by the id that it is written under', async () => {
  const registry = fileRegistry();
  for (const name of RECORD_NAMES) {
    const id = await registry.idOf(name);
    expect(id).toBe(schemaId(currentSchema(name)));
    expect(await registry.schemaById(id)).toBe(SCHEMAS[name]);
    expect(id).toBeGreaterThanOrEqual(0);
    expect(id).toBeLessThan(2 ** 31);
  }
  expect(await registry.schemaById(1)).toBeUndefined();
  await expect(registry.idOf('Nothing' as 'Alert')).rejects.toThrow(RegistryError);
});

test('every released schema is found by its id, and no two that write other bytes share one', async () => {
  const registry = fileRegistry();
  const forms = new Map<number, string>(RECORD_NAMES.map((name) => [SCHEMA_IDS[name], canonicalForm(currentSchema(name))]));
  expect(forms.size).toBe(RECORD_NAMES.length);
  for (const { id, version, name, schema } of RELEASED) {
    const parsed = parseSchema(schema);
    if (!parsed.ok) throw new Error(`${version}/${name}: ${parsed.detail}`);
    const form = canonicalForm(parsed.root);
    expect([version, name, forms.get(id) ?? form]).toEqual([version, name, form]);
    forms.set(id, form);
    expect(writerOf((await registry.schemaById(id)) ?? '')).toMatchObject({ ok: true, name });
  }
});

test('an earlier release stays readable after the schema has changed', async () => {
  const schema = JSON.stringify({
    ...schemaJson('ClockTick'),
    fields: [{ name: 'earlier', type: 'int' }, ...schemaJson('ClockTick').fields],
  });
  const registry = fileRegistry([{ version: '0.0.1', name: 'ClockTick', id: 5, schema }]);
  expect(await registry.schemaById(5)).toBe(schema);
  expect(await registry.schemaById(SCHEMA_IDS.ClockTick)).toBe(SCHEMAS.ClockTick);
});

test('the canonical form is Avro’s', () => {
  for (const name of RECORD_NAMES) {
    const changed = schemaJson(name);
    addSymbol(changed, 'added');
    for (const text of [SCHEMAS[name], JSON.stringify(changed)]) {
      const parsed = parseSchema(text);
      if (!parsed.ok) throw new Error(parsed.detail);
      expect(JSON.parse(canonicalForm(parsed.root))).toEqual(avro.Type.forSchema(JSON.parse(text) as avro.Schema).schema());
    }
  }
});

test('what does not change the bytes does not change the id: docs, defaults, the layout of the text', () => {
  const json = JSON.parse(SCHEMAS.RunEvent) as { doc: string };
  json.doc = 'Another.';
  const parsed = parseSchema(JSON.stringify(json, null, 4));
  expect(parsed.ok && schemaId(parsed.root)).toBe(SCHEMA_IDS.RunEvent);
});

/** `ClockTick` with another field; types may be defined in it. */
function withField(type: unknown): string {
  return JSON.stringify({
    type: 'record',
    name: 'ClockTick',
    namespace: 'dev.idemtrace',
    fields: [{ name: 'bomb', type }, ...schemaJson('ClockTick').fields],
  });
}

function nested(depth: number): unknown {
  return depth === 0 ? 'int' : { type: 'array', items: nested(depth - 1) };
}

/** Records that each hold two of the next: 2^30 fields, written out. */
function doubling(levels: number): unknown {
  const name = `Level${levels}`;
  if (levels === 0) return { type: 'record', name, fields: [{ name: 'leaf', type: 'int' }] };
  return {
    type: 'record',
    name,
    fields: [
      { name: 'a', type: doubling(levels - 1) },
      { name: 'b', type: `Level${levels - 1}` },
    ],
  };
}

const REFUSED: Readonly<Record<string, string>> = {
  'no JSON': '{',
  'no record': '"string"',
  'an array of nothing': withField({ type: 'array', items: 'null' }),
  'a map of nothing': withField({ type: 'map', values: 'null' }),
  'a field of nothing': withField('null'),
  'an array of records without fields': withField({ type: 'array', items: { type: 'record', name: 'Empty', fields: [] } }),
  'fixed values of no bytes': withField({ type: 'array', items: { type: 'fixed', name: 'None', size: 0 } }),
  'a recursive record': withField({ type: 'record', name: 'Loop', fields: [{ name: 'next', type: ['null', 'Loop'] }] }),
  'deep nesting': withField(nested(MAX_SCHEMA_DEPTH + 1)),
  'nesting that no parser survives': `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  'doubling records': withField(doubling(20)),
  'too long a text': withField('int') + ' '.repeat(300_000),
  'a type that is not defined': withField('Nowhere'),
  'a type defined twice': withField(['null', { type: 'enum', name: 'ClockTick', symbols: ['a'] }]),
  'a union within a union': withField(['null', ['int', 'string']]),
  'the same branch twice': withField(['int', 'int']),
  'a name that is code': withField({ type: 'record', name: 'x;process.exit()', fields: [{ name: 'a', type: 'int' }] }),
  'a field that is code': withField({ type: 'record', name: 'X', fields: [{ name: 'a=process.exit()', type: 'int' }] }),
  'a field named __proto__': withField({ type: 'record', name: 'X', fields: [{ name: '__proto__', type: 'int' }] }),
  'a symbol that is code': withField({ type: 'enum', name: 'X', symbols: ['"'] }),
};

for (const [what, schema] of Object.entries(REFUSED))
  test(`a writer schema is not trusted: ${what}`, () => {
    expect(writerOf(schema)).toMatchObject({ ok: false, reason: 'unsupported_schema' });
  });

test('a writer schema that is refused is not told of', () => {
  const canary = 'CANARY_4711';
  const schemas = [withField(canary), withField({ type: 'enum', name: canary, symbols: [] }), `{"${canary}":1}`];
  expect(JSON.stringify(schemas.map(writerOf))).not.toContain(canary);
});

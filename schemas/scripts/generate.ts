/**
 * Generates src/generated/ from avro/*.avsc and history/: `types.ts` (the values of every record and enum, with their docs), `schemas.ts`
 * (the schemas as constants, so that no file is read at run time) and `history.ts` (ids, and the schemas of every release).
 *
 * usage: generate.ts [--check]     --check: write nothing, exit 1 where a generated file is stale
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readHistory, schemaIdOf } from './history.ts';

type Schema = string | Schema[] | Definition;
interface Definition {
  type: Schema;
  name?: string;
  doc?: string;
  items?: Schema;
  symbols?: string[];
  fields?: { name: string; type: Schema; doc: string }[];
}

const root = join(import.meta.dirname, '..');
const header = '// Generated from schemas/avro by `pnpm generate`. Do not edit.\n';

const definitions = new Map<string, Definition>();

/** Remembers every named type; one name with two definitions is a mistake in the schemas. */
function collect(schema: Schema): void {
  if (typeof schema === 'string') return;
  if (Array.isArray(schema)) {
    for (const branch of schema) collect(branch);
    return;
  }
  if (schema.name !== undefined && (schema.type === 'record' || schema.type === 'enum')) {
    const earlier = definitions.get(schema.name);
    if (earlier === undefined) definitions.set(schema.name, schema);
    else if (shape(earlier) !== shape(schema)) throw new Error(`schemas/avro: two different definitions of ${schema.name}`);
    for (const field of schema.fields ?? []) collect(field.type);
  }
  if (schema.items !== undefined) collect(schema.items);
  if (typeof schema.type === 'object') collect(schema.type);
}

/** A definition as text, with named types by name alone: where a type is first used differs from schema to schema. */
function shape(definition: Definition): string {
  const reference = (schema: Schema): unknown => {
    if (typeof schema === 'string') return schema;
    if (Array.isArray(schema)) return schema.map(reference);
    if (schema.type === 'record' || schema.type === 'enum') return schema.name;
    return schema.items === undefined ? schema.type : { array: reference(schema.items) };
  };
  return JSON.stringify([definition.type, definition.symbols, definition.fields?.map((f) => [f.name, reference(f.type), f.doc])]);
}

const primitives: Record<string, string> = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  long: 'number',
  float: 'number',
  double: 'number',
  string: 'string',
  bytes: 'Buffer',
};

function typeOf(schema: Schema): string {
  if (typeof schema === 'string') return primitives[schema] ?? schema;
  if (Array.isArray(schema))
    return schema
      .map(typeOf)
      .sort((a, b) => Number(a === 'null') - Number(b === 'null'))
      .join(' | ');
  if (schema.type === 'array') return `readonly ${typeOf(schema.items ?? 'null')}[]`;
  if (schema.name !== undefined) return schema.name;
  return typeOf(schema.type);
}

function render(definition: Definition): string {
  const doc = `/** ${definition.doc ?? ''} */\n`;
  if (definition.type === 'enum') {
    const constant = `${(definition.name ?? '').replace(/(?<!^)([A-Z])/g, '_$1').toUpperCase()}_SYMBOLS`;
    const symbols = (definition.symbols ?? []).map((s) => `'${s}'`).join(', ');
    return `${doc}export const ${constant} = [${symbols}] as const;\nexport type ${definition.name} = (typeof ${constant})[number];\n`;
  }
  const fields = (definition.fields ?? []).map((field) => `  /** ${field.doc} */\n  readonly ${field.name}: ${typeOf(field.type)};`);
  return `${doc}export interface ${definition.name} {\n${fields.join('\n')}\n}\n`;
}

const files = readdirSync(join(root, 'avro'))
  .filter((name) => name.endsWith('.avsc'))
  .sort();
const schemas = new Map(
  files.map((name) => [name.replace('.avsc', ''), JSON.parse(readFileSync(join(root, 'avro', name), 'utf8')) as Definition]),
);
for (const schema of schemas.values()) collect(schema);

const records = [...schemas.keys()];
const outputs = {
  'types.ts': `${header}\n${[...definitions.values()].map(render).join('\n')}
/** Every record that travels on a topic, by the name of its schema. */
export interface RecordTypes {
${records.map((name) => `  readonly ${name}: ${name};`).join('\n')}
}
export type RecordName = keyof RecordTypes;
`,
  'schemas.ts': `${header}import type { RecordName } from './types.ts';

/** The current schema of every record, as JSON text. */
export const SCHEMAS: Readonly<Record<RecordName, string>> = {
${[...schemas].map(([name, schema]) => `  ${name}:\n    ${JSON.stringify(JSON.stringify(schema))},`).join('\n')}
};
`,
  'history.ts': `${header}import type { RecordName } from './types.ts';

export interface ReleasedSchema {
  readonly version: string;
  /** The record; of a release it need not be one of today's. */
  readonly name: string;
  readonly id: number;
  readonly schema: string;
}

/** Ids of the current schemas where no registry gives them. */
export const SCHEMA_IDS: Readonly<Record<RecordName, number>> = {
${[...schemas].map(([name, schema]) => `  ${name}: ${schemaIdOf(name, JSON.stringify(schema))},`).join('\n')}
};

/** The schemas of every release, oldest first. */
export const RELEASED: readonly ReleasedSchema[] = [
${readHistory(join(root, 'history'))
  .map((released) => `  ${JSON.stringify(released)},\n`)
  .join('')}];
`,
};

let stale = false;
for (const [name, text] of Object.entries(outputs)) {
  const path = join(root, 'src/generated', name);
  if (!process.argv.includes('--check')) writeFileSync(path, text);
  else {
    let current = '';
    try {
      current = readFileSync(path, 'utf8');
    } catch {}
    if (current !== text) {
      stale = true;
      console.error(`schemas/src/generated/${name} is stale: run pnpm generate`);
    }
  }
}
if (stale) process.exitCode = 1;

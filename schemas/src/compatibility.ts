import type { RecordNode, SchemaNode } from './schema.ts';
import { parseSchema } from './schema.ts';
import { compileShape } from './shape.ts';

/**
 * Why `reader` cannot read what was written with `writer`, by Avro's rules of schema resolution (specification 1.12): empty where it can.
 * Stricter in one thing: every branch of a writer's union must be readable, not only the one that a value happens to take.
 */
export function incompatibilities(reader: SchemaNode, writer: SchemaNode): readonly string[] {
  const found: string[] = [];
  compare(reader, writer, '', found);
  return found;
}

const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
};

function compare(reader: SchemaNode, writer: SchemaNode, field: string, found: string[]): void {
  const no = (why: string): void => void found.push(field === '' ? why : `${field}: ${why}`);
  if (writer.kind === 'union') {
    for (const branch of writer.branches) compare(reader, branch, field, found);
  } else if (reader.kind === 'union') {
    if (!reader.branches.some((branch) => incompatibilities(branch, writer).length === 0)) no(`no branch reads ${writer.kind}`);
  } else if (reader.kind === 'record' && writer.kind === 'record') compareRecords(reader, writer, field, found);
  else if (reader.kind === 'enum' && writer.kind === 'enum') {
    if (unqualified(reader.name) !== unqualified(writer.name)) no('another name');
    const unknown = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol));
    if (unknown.length > 0 && reader.default === undefined) no(`no default for ${unknown.join(', ')}`);
  } else if (reader.kind === 'fixed' && writer.kind === 'fixed') {
    if (unqualified(reader.name) !== unqualified(writer.name) || reader.size !== writer.size) no('another name or size');
  } else if (reader.kind === 'array' && writer.kind === 'array') compare(reader.items, writer.items, `${field}[]`, found);
  else if (reader.kind === 'map' && writer.kind === 'map') compare(reader.values, writer.values, `${field}{}`, found);
  else if (reader.kind !== writer.kind && !PROMOTIONS[writer.kind]?.includes(reader.kind))
    no(`${writer.kind} cannot be read as ${reader.kind}`);
}

function compareRecords(reader: RecordNode, writer: RecordNode, field: string, found: string[]): void {
  if (unqualified(reader.name) !== unqualified(writer.name)) found.push(`${field === '' ? '' : `${field}: `}another name`);
  for (const { name, type, default: preset } of reader.fields) {
    const path = field === '' ? name : `${field}.${name}`;
    const written = writer.fields.find((candidate) => candidate.name === name);
    if (written !== undefined) compare(type, written.type, path, found);
    else if (preset === undefined) found.push(`${path}: not written, and without a default`);
  }
}

function unqualified(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** What a schema of ours must do so that it can change later: every enum a default, every nullable field null as its default, every default valid. */
export function evolutionMistakes(root: RecordNode): readonly string[] {
  const found = new Set<string>();
  const visit = (node: SchemaNode, path: string): void => {
    if (node.kind === 'enum' && node.default === undefined) found.add(`${path}: an enum without a default`);
    else if (node.kind === 'array') visit(node.items, `${path}[]`);
    else if (node.kind === 'map') visit(node.values, `${path}{}`);
    else if (node.kind === 'union') for (const branch of node.branches) visit(branch, path);
    else if (node.kind === 'record')
      for (const { name, type, default: preset } of node.fields) {
        const at = path === '' ? name : `${path}.${name}`;
        const nullable = type.kind === 'union' && type.branches[0]?.kind === 'null';
        if (nullable && preset?.value !== null) found.add(`${at}: nullable, and null is not its default`);
        if (preset !== undefined && !isDefault(preset.value, type)) found.add(`${at}: its default is no value of its type`);
        visit(type, at);
      }
  };
  visit(root, '');
  return [...found];
}

/** A default of a union belongs to its first branch. */
function isDefault(value: unknown, type: SchemaNode): boolean {
  const [first = type] = type.kind === 'union' ? type.branches : [];
  const faults: Parameters<ReturnType<typeof compileShape>['fromJson']>[1] = [];
  compileShape(first).fromJson(value, faults);
  return faults.length === 0;
}

/** A schema text of a release. */
export interface Release {
  readonly version: string;
  readonly schema: string;
}

/** FULL_TRANSITIVE: the schema reads what every release wrote, and every release reads what it writes. Lists what does not hold. */
export function fullTransitiveMistakes(schema: string, releases: readonly Release[]): readonly string[] {
  const current = parseSchema(schema);
  if (!current.ok) return [current.detail];
  const found = evolutionMistakes(current.root).map((mistake) => `current: ${mistake}`);
  for (const { version, schema: text } of releases) {
    const released = parseSchema(text);
    if (!released.ok) found.push(`${version}: ${released.detail}`);
    else {
      found.push(...incompatibilities(current.root, released.root).map((mistake) => `reading ${version}: ${mistake}`));
      found.push(...incompatibilities(released.root, current.root).map((mistake) => `read by ${version}: ${mistake}`));
    }
  }
  return found;
}

/**
 * Avro schemas as a tree, read from text that is not trusted (a registry's answer). Refused is what lets few bytes stand for much work:
 * recursion, values of width zero in arrays or as fields, and schemas beyond the bounds below.
 */

export type PrimitiveKind = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'string' | 'bytes';
export interface PrimitiveNode {
  readonly kind: PrimitiveKind;
  readonly logicalType?: string;
}
export interface ArrayNode {
  readonly kind: 'array';
  readonly items: SchemaNode;
}
export interface MapNode {
  readonly kind: 'map';
  readonly values: SchemaNode;
}
export interface UnionNode {
  readonly kind: 'union';
  readonly branches: readonly SchemaNode[];
}
export interface FixedNode {
  readonly kind: 'fixed';
  readonly name: string;
  readonly size: number;
}
export interface EnumNode {
  readonly kind: 'enum';
  readonly name: string;
  readonly symbols: readonly string[];
  readonly default?: string;
}
export interface FieldNode {
  readonly name: string;
  readonly type: SchemaNode;
  /** Present where the schema gives one; `{ value: null }` is a default. */
  readonly default?: { readonly value: unknown };
}
export interface RecordNode {
  readonly kind: 'record';
  readonly name: string;
  readonly fields: readonly FieldNode[];
}
export type SchemaNode = PrimitiveNode | ArrayNode | MapNode | UnionNode | FixedNode | EnumNode | RecordNode;

/** Most characters of a schema's text: twenty times the largest of ours. */
export const MAX_SCHEMA_CHARS = 256 * 1024;
/** Deepest nesting of a schema. */
export const MAX_SCHEMA_DEPTH = 24;
/** Most nodes of a schema with every named type written out: a chain of records that each hold two of the next grows as 2^n. */
export const MAX_SCHEMA_NODES = 4096;

const PRIMITIVES: ReadonlySet<unknown> = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes']);
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const FULL_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}(\.[A-Za-z_][A-Za-z0-9_]{0,127}){0,7}$/;

/** A schema that is refused. Never leaves this file. */
class Refused extends Error {}

export type ParsedSchema = { readonly ok: true; readonly root: RecordNode } | { readonly ok: false; readonly detail: string };

/** Reads the schema of a record. Never throws; the detail of a refusal holds nothing of the text. */
export function parseSchema(text: string): ParsedSchema {
  if (text.length > MAX_SCHEMA_CHARS) return { ok: false, detail: `schema: text over ${MAX_SCHEMA_CHARS} characters` };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, detail: 'schema: no JSON' };
  }
  try {
    const root = new Reader().read(json, '', 0);
    if (root.kind !== 'record') return { ok: false, detail: 'schema: no record' };
    return { ok: true, root };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, detail: `schema: ${error.message}` };
    throw error;
  }
}

/** Reads one text: remembers its named types and how much each weighs written out. */
class Reader {
  readonly #named = new Map<string, { node: SchemaNode; nodes: number } | 'open'>();
  #nodes = 0;

  read(json: unknown, namespace: string, depth: number): SchemaNode {
    if (depth > MAX_SCHEMA_DEPTH) throw new Refused(`nested deeper than ${MAX_SCHEMA_DEPTH}`);
    this.#count(1);
    if (typeof json === 'string') return PRIMITIVES.has(json) ? { kind: json as PrimitiveKind } : this.#reference(json, namespace);
    if (Array.isArray(json)) return this.#union(json, namespace, depth);
    if (!isObject(json)) throw new Refused('a type that is neither text, list nor object');
    const { type } = json;
    if (type === 'array') return { kind: 'array', items: this.#inhabited(json.items, namespace, depth) };
    if (type === 'map') return { kind: 'map', values: this.#inhabited(json.values, namespace, depth) };
    if (type === 'record' || type === 'enum' || type === 'fixed') return this.#define(type, json, namespace, depth);
    if (PRIMITIVES.has(type)) {
      const { logicalType } = json;
      return typeof logicalType === 'string' ? { kind: type as PrimitiveKind, logicalType } : { kind: type as PrimitiveKind };
    }
    return this.read(type, namespace, depth + 1);
  }

  #count(nodes: number): void {
    this.#nodes += nodes;
    if (this.#nodes > MAX_SCHEMA_NODES) throw new Refused(`more than ${MAX_SCHEMA_NODES} types, written out`);
  }

  #reference(name: string, namespace: string): SchemaNode {
    const found = this.#named.get(fullName(name, namespace)) ?? this.#named.get(name);
    if (found === undefined) throw new Refused('a type that is not defined');
    if (found === 'open') throw new Refused('a recursive type');
    this.#count(found.nodes);
    return found.node;
  }

  #union(branches: readonly unknown[], namespace: string, depth: number): SchemaNode {
    if (branches.length === 0) throw new Refused('an empty union');
    const nodes = branches.map((branch) => this.read(branch, namespace, depth + 1));
    if (nodes.some((node) => node.kind === 'union')) throw new Refused('a union within a union');
    if (new Set(nodes.map(branchName)).size < nodes.length) throw new Refused('a union with the same branch twice');
    return { kind: 'union', branches: nodes };
  }

  /** A type whose values take at least one byte: else a count of 2^60 would need none. */
  #inhabited(json: unknown, namespace: string, depth: number): SchemaNode {
    const node = this.read(json, namespace, depth + 1);
    if (node.kind === 'null') throw new Refused('values of width zero');
    return node;
  }

  #define(type: 'record' | 'enum' | 'fixed', json: Readonly<Record<string, unknown>>, outer: string, depth: number): SchemaNode {
    if (typeof json.name !== 'string') throw new Refused('a named type without a name');
    const name = fullName(json.name, typeof json.namespace === 'string' ? json.namespace : outer);
    if (!FULL_NAME.test(name)) throw new Refused('a name that is none');
    if (this.#named.has(name)) throw new Refused('a type defined twice');
    this.#named.set(name, 'open');
    const before = this.#nodes;
    const node = type === 'record' ? this.#record(name, json, depth) : type === 'enum' ? enumNode(name, json) : fixedNode(name, json);
    this.#named.set(name, { node, nodes: this.#nodes - before });
    return node;
  }

  #record(name: string, json: Readonly<Record<string, unknown>>, depth: number): RecordNode {
    if (!Array.isArray(json.fields) || json.fields.length === 0) throw new Refused('a record without fields');
    const namespace = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '';
    const fields = json.fields.map((field: unknown): FieldNode => {
      if (!isObject(field) || !isName(field.name)) throw new Refused('a field without a name');
      const type = this.#inhabited(field.type, namespace, depth);
      return Object.hasOwn(field, 'default') ? { name: field.name, type, default: { value: field.default } } : { name: field.name, type };
    });
    if (new Set(fields.map((field) => field.name)).size < fields.length) throw new Refused('a field defined twice');
    return { kind: 'record', name, fields };
  }
}

function enumNode(name: string, json: Readonly<Record<string, unknown>>): EnumNode {
  const { symbols } = json;
  if (!Array.isArray(symbols) || symbols.length === 0 || symbols.length > 1024 || !symbols.every(isName))
    throw new Refused('an enum without symbols');
  if (new Set(symbols).size < symbols.length) throw new Refused('a symbol defined twice');
  if (json.default === undefined) return { kind: 'enum', name, symbols };
  if (!isName(json.default) || !symbols.includes(json.default)) throw new Refused('a default that is none of the symbols');
  return { kind: 'enum', name, symbols, default: json.default };
}

function fixedNode(name: string, json: Readonly<Record<string, unknown>>): FixedNode {
  const { size } = json;
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 1 || size > 1024 * 1024)
    throw new Refused('a fixed type without a size');
  return { kind: 'fixed', name, size };
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isName(json: unknown): json is string {
  return typeof json === 'string' && NAME.test(json) && json !== '__proto__';
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

/** What tells a branch of a union from the others. */
export function branchName(node: SchemaNode): string {
  return node.kind === 'record' || node.kind === 'enum' || node.kind === 'fixed' ? node.name : node.kind;
}

/**
 * Avro's parsing canonical form (specification 1.12, "Parsing Canonical Form for Schemas"): what matters to the bytes, and nothing else.
 * Docs, defaults, aliases and logical types are left out; names are whole.
 */
export function canonicalForm(root: SchemaNode): string {
  const written = new Set<string>();
  const write = (node: SchemaNode): unknown => {
    switch (node.kind) {
      case 'array':
        return { type: 'array', items: write(node.items) };
      case 'map':
        return { type: 'map', values: write(node.values) };
      case 'union':
        return node.branches.map(write);
      case 'record':
      case 'enum':
      case 'fixed': {
        if (written.has(node.name)) return node.name;
        written.add(node.name);
        if (node.kind === 'enum') return { name: node.name, type: 'enum', symbols: node.symbols };
        if (node.kind === 'fixed') return { name: node.name, type: 'fixed', size: node.size };
        return { name: node.name, type: 'record', fields: node.fields.map((field) => ({ name: field.name, type: write(field.type) })) };
      }
      default:
        return node.kind;
    }
  };
  return JSON.stringify(write(root));
}

import { incompatibilities } from './compatibility.ts';
import { currentSchema, NAMESPACE, RECORD_NAMES } from './current.ts';
import type { RecordName } from './generated/types.ts';
import type { BodyReader } from './read.ts';
import { compileReader } from './read.ts';
import type { SchemaRegistry } from './registry.ts';
import { parseSchema } from './schema.ts';
import type { ByteReason } from './validity.ts';

/** How records of one writer schema are read, or why they are not. */
export type Writer =
  | { readonly ok: true; readonly name: RecordName; readonly read: BodyReader }
  | { readonly ok: false; readonly reason: ByteReason; readonly detail: string };

const names = new Map<string, RecordName>(RECORD_NAMES.map((name) => [`${NAMESPACE}.${name}`, name]));

/** Makes a reader for a writer schema, which is not trusted. */
export function writerOf(schema: string): Writer {
  const parsed = parseSchema(schema);
  if (!parsed.ok) return { ok: false, reason: 'unsupported_schema', detail: parsed.detail };
  const name = names.get(parsed.root.name);
  if (name === undefined) return { ok: false, reason: 'unexpected_record', detail: 'schema: a record that is none of ours' };
  const current = currentSchema(name);
  if (incompatibilities(current, parsed.root).length > 0)
    return { ok: false, reason: 'incompatible_schema', detail: `schema: cannot be read as the current ${name}` };
  return { ok: true, name, read: compileReader(parsed.root, current) };
}

/** For how long it is believed that the registry has no schema of an id. */
export const UNKNOWN_SCHEMA_MS = 60_000;
/** Most writers remembered: ids come out of records, so anyone can make them up. */
const MAX_WRITERS = 4096;
/** Most questions to the registry at a time. */
const MAX_LOOKUPS = 8;

interface Known {
  readonly writer: Writer;
  /** By the clock of the cache. */
  readonly until: number;
}

/** The writers by id, each asked for once. */
export class Writers {
  readonly #registry: SchemaRegistry;
  readonly #clock: () => number;
  readonly #known = new Map<number, Known>();
  readonly #underWay = new Map<number, Promise<Writer>>();

  constructor(registry: SchemaRegistry, clock: () => number) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** Remembers a schema whose id is known without asking. */
  add(id: number, schema: string): Writer {
    const writer = writerOf(schema);
    this.#known.set(id, { writer, until: Number.POSITIVE_INFINITY });
    return writer;
  }

  get(id: number): Writer | undefined {
    return this.#known.get(id)?.writer;
  }

  /** Whether the registry has to be asked before records of this id can be decoded. */
  isMissing(id: number): boolean {
    const known = this.#known.get(id);
    return known === undefined || (known.until !== Number.POSITIVE_INFINITY && known.until <= this.#clock());
  }

  /** Asks for ids, and answers with their writers. Rejects with the registry's error where it is away; what was learned until then stays. */
  async learn(ids: readonly number[]): Promise<ReadonlyMap<number, Writer>> {
    if (this.#known.size + ids.length > MAX_WRITERS) this.#known.clear();
    const learned = new Map<number, Writer>();
    for (let i = 0; i < ids.length; i += MAX_LOOKUPS) {
      const asked = ids.slice(i, i + MAX_LOOKUPS);
      const writers = await Promise.all(asked.map((id) => this.#ask(id)));
      for (const [nth, writer] of writers.entries()) learned.set(asked[nth] as number, writer);
    }
    return learned;
  }

  #ask(id: number): Promise<Writer> {
    let question = this.#underWay.get(id);
    if (question === undefined) {
      question = this.#lookUp(id).finally(() => this.#underWay.delete(id));
      this.#underWay.set(id, question);
    }
    return question;
  }

  async #lookUp(id: number): Promise<Writer> {
    const schema = await this.#registry.schemaById(id);
    if (schema !== undefined) return this.add(id, schema);
    const writer: Writer = { ok: false, reason: 'unknown_schema', detail: 'wire format: the registry has no schema of this id' };
    this.#known.set(id, { writer, until: this.#clock() + UNKNOWN_SCHEMA_MS });
    return writer;
  }
}

/** `SchemaRegistry` on a Confluent-compatible registry. */
import { NAMESPACE } from '../current.ts';
import { RegistryError } from '../errors.ts';
import { SCHEMAS } from '../generated/schemas.ts';
import type { RecordName } from '../generated/types.ts';
import type { SchemaRegistry } from '../registry.ts';
import { type ConfluentRegistryOptions, type RegistryClient, registryClient } from './client.ts';

/** For how long it is believed that the registry has no schema of an id. */
const MISSING_FOR_MS = 60_000;
/** Most texts, and most ids without one, that are remembered: ids come out of records, so anyone can make them up. */
const MAX_TEXTS = 512;
const MAX_MISSING = 4096;

/** Under which a record's schemas are registered: RecordNameStrategy, the schema's full name. */
export function subjectOf(name: RecordName): string {
  return `${NAMESPACE}.${name}`;
}

/**
 * Looks schemas up, and never registers one: `registerSchemas` does. What was found is not asked for again; that an id has no schema is believed
 * for 60 s by `clock` (ms since the epoch; default: the machine's). One question at a time for an id or a name, whoever waits for it.
 * Throws `RegistryError` `no_registry` where the URL is none; its calls reject with `RegistryError`.
 */
export function confluentRegistry(options: ConfluentRegistryOptions, clock: () => number = Date.now): SchemaRegistry {
  return new ConfluentRegistry(registryClient(options), clock);
}

class ConfluentRegistry implements SchemaRegistry {
  readonly #client: RegistryClient;
  readonly #clock: () => number;
  readonly #ids = new Map<RecordName, Promise<number>>();
  readonly #texts = new Map<number, string>();
  /** Until when. */
  readonly #missing = new Map<number, number>();
  readonly #underWay = new Map<number, Promise<string | undefined>>();

  constructor(client: RegistryClient, clock: () => number) {
    this.#client = client;
    this.#clock = clock;
  }

  async idOf(name: RecordName): Promise<number> {
    const known = this.#ids.get(name) ?? this.#find(name);
    this.#ids.set(name, known);
    try {
      return await known;
    } catch (error) {
      this.#ids.delete(name);
      throw error;
    }
  }

  async schemaById(id: number): Promise<string | undefined> {
    const text = this.#texts.get(id);
    if (text !== undefined) return text;
    const until = this.#missing.get(id);
    if (until !== undefined && this.#clock() < until) return undefined;
    let question = this.#underWay.get(id);
    if (question === undefined) {
      question = this.#ask(id).finally(() => this.#underWay.delete(id));
      this.#underWay.set(id, question);
    }
    return question;
  }

  async #find(name: RecordName): Promise<number> {
    const found = await this.#client.find(subjectOf(name), SCHEMAS[name]);
    if (found !== undefined) return found.id;
    throw new RegistryError(
      'not_registered',
      `The current schema of ${subjectOf(name)} is not registered: \`idemtrace topics create\` does it.`,
    );
  }

  async #ask(id: number): Promise<string | undefined> {
    const text = await this.#client.schemaOf(id);
    this.#missing.delete(id);
    if (text === undefined) remember(this.#missing, id, this.#clock() + MISSING_FOR_MS, MAX_MISSING);
    else remember(this.#texts, id, text, MAX_TEXTS);
    return text;
  }
}

/** The oldest makes room. */
function remember<T>(entries: Map<number, T>, id: number, value: T, most: number): void {
  const [oldest] = entries.keys();
  if (entries.size >= most && oldest !== undefined) entries.delete(oldest);
  entries.set(id, value);
}

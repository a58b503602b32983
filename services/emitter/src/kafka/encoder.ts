import { type Codec, createCodec, eventKey, RegistryError, type SchemaRegistry } from '@idemtrace/schemas';
import type { NewRecord } from '@idemtrace/stream';
import type { EmittedEvent } from '../transport.ts';

/** Makes records of events: each once, however often its batch is sent. */
export class Encoder {
  readonly #registry: SchemaRegistry;
  #codec: Promise<Codec> | undefined;
  readonly #records = new WeakMap<EmittedEvent, NewRecord>();

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  /** Rejects with EncodeError or KeyError where an event is invalid, with RegistryError where its schema cannot be had. */
  async encode(events: readonly EmittedEvent[]): Promise<readonly NewRecord[]> {
    this.#codec ??= createCodec({ registry: this.#registry });
    try {
      const codec = await this.#codec;
      return events.map((event) => this.#recordOf(event, codec));
    } catch (error) {
      // A codec knows what was registered when it was made.
      if (error instanceof RegistryError) this.#codec = undefined;
      throw error;
    }
  }

  #recordOf(event: EmittedEvent, codec: Codec): NewRecord {
    const known = this.#records.get(event);
    if (known !== undefined) return known;
    const { tenantId, workflowId } = event.value;
    const record = { key: eventKey(tenantId, workflowId), value: encodedValue(event, codec), headers: encodedHeaders(event) };
    this.#records.set(event, record);
    return record;
  }
}

function encodedValue(event: EmittedEvent, codec: Codec): Buffer {
  switch (event.name) {
    case 'RunEvent':
      return codec.encode(event.name, event.value);
    case 'ToolCallEvent':
      return codec.encode(event.name, event.value);
    case 'RetrievalEvent':
      return codec.encode(event.name, event.value);
  }
}

function encodedHeaders({ headers = {} }: EmittedEvent): Readonly<Record<string, Buffer>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)]));
}

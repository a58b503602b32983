import { type Codec, eventKey } from '@idemtrace/schemas';
import type { EmittedEvent, Transport } from '@idemtrace/sdk';
import type { EventLog, NewRecord } from '@idemtrace/stream';

/** Events as records of the events topic. Throws `EncodeError` where one is invalid, by field and bound, without its value. */
export function recordsOf(events: readonly EmittedEvent[], codec: Codec): readonly NewRecord[] {
  return events.map((event): NewRecord => {
    const key = eventKey(event.value.tenantId, event.value.workflowId);
    const value = encode(event, codec);
    if (event.headers === undefined) return { key, value };
    const headers = Object.fromEntries(Object.entries(event.headers).map(([name, text]) => [name, Buffer.from(text)]));
    return { key, value, headers };
  });
}

function encode(event: EmittedEvent, codec: Codec): Buffer {
  switch (event.name) {
    case 'RunEvent':
      return codec.encode(event.name, event.value);
    case 'ToolCallEvent':
      return codec.encode(event.name, event.value);
    case 'RetrievalEvent':
      return codec.encode(event.name, event.value);
  }
}

/** A transport for agents in the log's own process. */
export function logTransport(log: EventLog, topic: string, codec: Codec): Transport {
  return {
    async send(batch) {
      await log.append(topic, recordsOf(batch, codec));
    },
  };
}

import { EncodeError, KeyError, RegistryError } from '@idemtrace/schemas';
import { LogError } from '@idemtrace/stream';
import { openKafkaLog } from '@idemtrace/stream/kafka';
import { TransportError } from '../errors.ts';
import type { EmittedEvent, Transport } from '../transport.ts';
import { clientOptions, type KafkaConnectionOptions, type RegistryChoice, registryOf } from './connection.ts';
import { Encoder } from './encoder.ts';
import { Idle } from './idle.ts';

export type { ConfluentRegistryOptions } from '@idemtrace/schemas/confluent';
export type { KafkaReport, KafkaSasl, KafkaTls } from '@idemtrace/stream/kafka';
export type { KafkaConnectionOptions, RegistryChoice } from './connection.ts';

export type KafkaTransportOptions = KafkaConnectionOptions &
  RegistryChoice & {
    /** Default `idemtrace.events`. */
    readonly topic?: string | undefined;
    /** Default `none`. */
    readonly compression?: 'none' | 'gzip' | undefined;
    /**
     * Connections are let go after so long without a send, in ms, and made again at the next one; default 5,000. They keep the process alive: a
     * script that ends without `close()` stays for so long.
     */
    readonly idleMs?: number | undefined;
  };

/**
 * Writes events to the events topic, for agents that reach Kafka themselves; needs `kafkajs` and `@kafkajs/confluent-schema-registry` beside the
 * SDK. An idempotent producer, acknowledged by all replicas in sync; one send at a time, thrown away after a failure. Key and partition are
 * those of every Kafka client (murmur2 of tenant and workflow). Nothing is connected before the first send: a cluster or registry that is away makes
 * `send` reject, and the emitter keeps the events and tries again.
 *
 * Refused for good are events that are invalid or too large for the topic, and a client that may not write. Waited for are a topic that is missing
 * and schemas that are not registered: `idemtrace topics create` makes both.
 *
 * Throws IdemtraceError `invalid_option`.
 */
export function kafkaTransport(options: KafkaTransportOptions): Transport {
  const { topic = 'idemtrace.events', compression, idleMs = 5000 } = options;
  const client = { ...clientOptions(options), ...(compression !== undefined && { compression }) };
  const encoder = new Encoder(registryOf(options));
  const log = new Idle(idleMs, () => openKafkaLog(client));

  return {
    async send(batch: readonly EmittedEvent[]): Promise<void> {
      try {
        const records = await encoder.encode(batch);
        await log.use((open) => open.append(topic, records));
      } catch (error) {
        throw asTransportError(error);
      }
    },
    close: () => log.close(),
  };
}

/** Faults that no other try changes. */
const REFUSED: ReadonlySet<string> = new Set(['record_too_large', 'not_allowed']);

function asTransportError(error: unknown): unknown {
  const about = (retriable: boolean, divisible: boolean): TransportError =>
    new TransportError(error instanceof Error ? error.message : String(error), { retriable, divisible, cause: error });
  if (error instanceof EncodeError || error instanceof KeyError) return about(false, true);
  if (error instanceof LogError) return about(!REFUSED.has(error.code), error.code === 'record_too_large');
  if (error instanceof RegistryError) return about(error.code !== 'not_allowed', false);
  return about(true, false);
}

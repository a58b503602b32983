/** What the tests of the Kafka log share: logs and topics of a test's own, and a wire that can be watched and cut. */
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { sharedKafka } from '@idemtrace/local-services/testing';
import { type ISocketFactory, Kafka, logLevel } from 'kafkajs';
import { onTestFinished, vi } from 'vitest';
import { type KafkaLogOptions, openKafkaLog, openWith } from '../src/kafka/index.ts';
import type { BatchHandler, EventLog, OwnedPartition, TakeOver } from '../src/port.ts';

export const unique = (name: string): string => `${name}-${randomUUID()}`;
export const eventually = <T>(check: () => T | Promise<T>, timeout = 45_000): Promise<T> => vi.waitFor(check, { timeout, interval: 20 });
export const valuesOf = (count: number, prefix = 'v') => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
export const recordsTo = (partition: number, values: readonly string[]) =>
  values.map((value) => ({ key: null, value: Buffer.from(value), partition }));

/** A log on the run's broker, closed with the test. */
export async function openForTest(options: Partial<KafkaLogOptions> = {}, wire?: Wire): Promise<EventLog> {
  const { brokers } = await sharedKafka();
  const all = { brokers, sessionTimeoutMs: 6000, ...options };
  const log = await (wire === undefined ? openKafkaLog(all) : openWith(all, { socketFactory: wire.socketFactory }));
  onTestFinished(() => log.close());
  return log;
}

/** kafkajs itself, quiet, for what a test does beside the log. */
export async function plainKafka(): Promise<Kafka> {
  const { brokers } = await sharedKafka();
  return new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 8 } });
}

export async function newTopic(log: EventLog, partitions = 1, group?: string): Promise<string> {
  const name = unique('topic');
  await log.createTopics([{ name, partitions }], group === undefined ? [] : [{ topic: name, group }]);
  return name;
}

export async function textsOf(log: EventLog, topic: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const { value } of log.tail(topic)) texts.push(String(value));
  return texts;
}

/** Takes over in the first batch of a generation, goes to where the group stands, and works from there. */
export function owning(work: BatchHandler, seen: (takeOver: TakeOver, partition: OwnedPartition) => void = () => undefined): BatchHandler {
  const generations = new Map<number, number>();
  return async (partition, batch) => {
    if (generations.get(partition.partition) === partition.generation) return work(partition, batch);
    const takeOver = await partition.takeOver();
    seen(takeOver, partition);
    generations.set(partition.partition, partition.generation);
    partition.seek(takeOver.committed ?? takeOver.low);
  };
}

/** Kinds of requests, by their number in Kafka's protocol. */
export const API = { produce: 0, offsetCommit: 8, initProducerId: 22, endTxn: 26 } as const;

/** - `lost`: the request does not arrive; - `unanswered`: it arrives, and the connection breaks before its answer does */
export type Fate = 'passes' | 'lost' | 'unanswered';

/** Connections whose requests a test counts, and breaks. */
export interface Wire {
  readonly socketFactory: ISocketFactory;
  /** Requests sent so far of a kind. */
  sent(apiKey: number): number;
  /** Bytes sent so far in requests of a kind. */
  bytes(apiKey: number): number;
  /** What becomes of the next requests; `passes` for all by default. */
  fate: (apiKey: number) => Fate;
}

export function newWire(): Wire {
  const counts = new Map<number, { requests: number; bytes: number }>();
  const wire: Wire = {
    sent: (apiKey) => counts.get(apiKey)?.requests ?? 0,
    bytes: (apiKey) => counts.get(apiKey)?.bytes ?? 0,
    fate: () => 'passes',
    socketFactory: ({ host, port, onConnect }) => {
      const socket = connect({ host, port }, onConnect);
      const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
      const watched = (...args: unknown[]): boolean => {
        const [data] = args;
        const frame = Buffer.isBuffer(data) ? data : Buffer.from(String(data), 'binary');
        const apiKey = frame.readInt16BE(4);
        const before = counts.get(apiKey) ?? { requests: 0, bytes: 0 };
        counts.set(apiKey, { requests: before.requests + 1, bytes: before.bytes + frame.length });
        switch (wire.fate(apiKey)) {
          case 'passes':
            return write(...args);
          case 'lost':
            socket.destroy(new Error('cut before the request'));
            return true;
          case 'unanswered':
            socket.removeAllListeners('data');
            socket.once('data', () => socket.destroy(new Error('cut before the answer')));
            return write(...args);
        }
      };
      return Object.assign(socket, { write: watched as Socket['write'] });
    },
  };
  return wire;
}

import type { KafkaConfig } from 'kafkajs';
import { LogError } from '../errors.ts';
import { partitionOf } from '../partitioner.ts';
import type {
  BatchHandler,
  EventLog,
  LogRecord,
  NewRecord,
  Position,
  SubscribeOptions,
  Subscription,
  TailOptions,
  TopicSpec,
} from '../port.ts';
import { Appender, type Placed } from './appender.ts';
import type { Connection } from './connection.ts';
import { startAtZero } from './group-starts.ts';
import { boundsOf, committedOf, offsetsAt } from './positions.ts';
import type { Producers } from './producers.ts';
import type { KafkaReport } from './settings.ts';
import { batchSizeOf } from './slices.ts';
import { GroupSubscription } from './subscription.ts';
import { cursorsOf, read } from './tail.ts';
import { type CreateOptions, createTopic, refuseImpossible, refuseMismatch, type Topic, Topics, withAdmin } from './topics.ts';

export interface LogMeans {
  readonly id: string;
  readonly settings: KafkaConfig;
  readonly connection: Connection;
  readonly producers: Producers;
  readonly creation: CreateOptions;
  readonly sessionTimeoutMs: number;
  readonly report: KafkaReport;
}

export class KafkaEventLog implements EventLog {
  readonly id: string;
  readonly #means: LogMeans;
  readonly #topics: Topics;
  readonly #appender: Appender;
  readonly #subscriptions = new Set<Subscription>();
  readonly #closed = new AbortController();
  /** Next partition of a record without a key, by topic. */
  readonly #turns = new Map<string, number>();
  #closing: Promise<void> | undefined;

  constructor(means: LogMeans) {
    this.id = means.id;
    this.#means = means;
    this.#topics = new Topics(means.connection, means.settings);
    this.#appender = new Appender(means.producers);
  }

  async createTopics(
    specs: readonly TopicSpec[],
    groups: readonly { readonly topic: string; readonly group: string }[] = [],
  ): Promise<void> {
    this.#refuseClosing();
    const { settings, creation, connection, producers } = this.#means;
    const named = new Set(specs.map(({ name }) => name));
    for (const { topic } of groups) if (!named.has(topic)) await this.#topics.find(topic);
    const missing = await refuseImpossible(this.#topics, specs);
    if (missing.length === 0) return;
    const created = await withAdmin(settings, 'Topics could not be created', async (admin) => {
      const names: string[] = [];
      for (const spec of missing) if (await createTopic(admin, spec, creation)) names.push(spec.name);
      return new Set(names);
    });
    for (const spec of missing) refuseMismatch(await this.#topics.findNew(spec.name), spec);
    const starts = groups.filter(({ topic }) => created.has(topic));
    await startAtZero({ connection, producers, partitionsOf: (topic) => this.partitionsOf(topic) }, starts);
  }

  async partitionsOf(topic: string): Promise<number> {
    return (await this.#topic(topic)).partitions;
  }

  async bounds(topic: string): Promise<readonly { readonly low: number; readonly high: number }[]> {
    const numbers = numbersOf(await this.#topic(topic));
    const bounds = await boundsOf(this.#means.connection, topic, numbers);
    return numbers.map((partition) => bounds.get(partition) ?? { low: 0, high: 0 });
  }

  async offsetsAt(topic: string, logTime: number): Promise<readonly number[]> {
    const numbers = numbersOf(await this.#topic(topic));
    const offsets = await offsetsAt(this.#means.connection, topic, numbers, logTime);
    return numbers.map((partition) => offsets.get(partition) ?? 0);
  }

  async committed(topic: string, group: string): Promise<readonly (number | undefined)[]> {
    const numbers = numbersOf(await this.#topic(topic));
    const committed = await committedOf(this.#means.connection, group, topic, numbers);
    return numbers.map((partition) => committed.get(partition));
  }

  async append(topic: string, records: readonly NewRecord[]): Promise<readonly Position[]> {
    const found = await this.#topic(topic);
    const placed = records.map((record, index) => this.#place(found, record, index));
    if (placed.length === 0) return [];
    return this.#appender.append(topic, placed, found.maxMessageBytes);
  }

  async subscribe(options: SubscribeOptions, handler: BatchHandler): Promise<Subscription> {
    await this.#topic(options.topic);
    this.#refuseClosing();
    const subscription = new GroupSubscription({ ...this.#means, topics: this.#topics }, options, handler);
    this.#subscriptions.add(subscription);
    const forget = () => this.#subscriptions.delete(subscription);
    subscription.done.then(forget, forget);
    return subscription;
  }

  tail(topic: string, options: TailOptions = {}): AsyncIterable<LogRecord> {
    const starts = this.#topic(topic).then(async (found) =>
      cursorsOf(await boundsOf(this.#means.connection, topic, numbersOf(found)), options),
    );
    // Whoever never iterates never hears of it.
    starts.catch(() => undefined);
    const signals = { signal: options.signal, closed: this.#closed.signal };
    return { [Symbol.asyncIterator]: () => read(this.#means.settings, topic, starts, signals) };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    this.#closed.abort();
    await this.#appender.close();
    await this.#means.connection.close();
  }

  #refuseClosing(): void {
    if (this.#closing !== undefined) throw new LogError('closed', 'The log was closed by this process: open it again.');
  }

  async #topic(name: string): Promise<Topic> {
    this.#refuseClosing();
    return this.#topics.find(name);
  }

  #place(topic: Topic, record: NewRecord, index: number): Placed {
    const size = batchSizeOf(record);
    if (size > topic.maxMessageBytes) {
      const text = `Record ${index} makes ${size} bytes, and topic ${topic.name} takes ${topic.maxMessageBytes} (max.message.bytes).`;
      throw new LogError('record_too_large', text);
    }
    const { partitions } = topic;
    if (record.partition !== undefined) {
      if (Number.isInteger(record.partition) && record.partition >= 0 && record.partition < partitions)
        return { ...record, partition: record.partition };
      const text = `Record ${index} names partition ${record.partition} of topic ${topic.name}, which has ${partitions}: name one from 0 to ${partitions - 1}.`;
      throw new LogError('partition_mismatch', text);
    }
    if (record.key !== null) {
      const key = typeof record.key === 'string' ? Buffer.from(record.key) : record.key;
      return { ...record, key, partition: partitionOf(key, partitions) };
    }
    const turn = this.#turns.get(topic.name) ?? 0;
    this.#turns.set(topic.name, (turn + 1) % partitions);
    return { ...record, partition: turn };
  }
}

function numbersOf({ partitions }: Topic): readonly number[] {
  return Array.from({ length: partitions }, (_, partition) => partition);
}

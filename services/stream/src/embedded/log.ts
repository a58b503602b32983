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
import { type Core, read, refuseClosed, write } from './core.ts';
import { overwrite, scrub } from './overwrite.ts';
import { processSpace } from './presence.ts';
import { type StoredRecord, toStored } from './records.ts';
import { type RetentionReport, retain } from './retention.ts';
import { subscribe } from './subscription.ts';
import { tail } from './tail.ts';
import type { Topic } from './topics.ts';

/** An event log in a SQLite file of this machine. */
export interface EmbeddedLog extends EventLog {
  /** Deletes what the topics' specifications no longer keep. The log does it by itself from time to time. */
  retain(): Promise<RetentionReport>;
  /** Whether a member of any group, in this process or another, is there now: it may hold what it has read. */
  isConsumed(): Promise<boolean>;
  /**
   * Puts `value`, without key and headers, in the place of records of a partition: their offsets and log times stay. Offsets in rising order;
   * those that the log no longer holds are passed over. In transactions of some chunks each, so that one that is broken off can be made again.
   */
  overwrite(topic: string, partition: number, offsets: readonly number[], value: Buffer): Promise<void>;
  /**
   * Writes the file anew, without what was deleted or overwritten: until then such bytes lie in its free pages and in its write-ahead log.
   * Takes as much room on the disk again while it runs. Throws `log_away` where another process keeps it from it.
   */
  scrub(): Promise<void>;
}

export interface LogSettings {
  readonly id: string;
  readonly leaseMs: number;
  readonly retainIntervalMs: number;
  /** Lets go of what the instance held, after the last use of it. */
  readonly release: () => void;
}

export class SqliteEventLog implements EmbeddedLog {
  readonly id: string;
  readonly #core: Core;
  readonly #settings: LogSettings;
  readonly #subscriptions = new Set<Subscription>();
  readonly #retention: NodeJS.Timeout;
  /** Next partition of a record without a key, by topic id. */
  readonly #turns = new Map<number, number>();
  #closing: Promise<void> | undefined;

  constructor(core: Core, settings: LogSettings) {
    this.id = settings.id;
    this.#core = core;
    this.#settings = settings;
    this.#retention = setInterval(() => void this.#retainByItself(), settings.retainIntervalMs);
    this.#retention.unref();
  }

  async createTopics(
    specs: readonly TopicSpec[],
    groups: readonly { readonly topic: string; readonly group: string }[] = [],
  ): Promise<void> {
    const { topics } = this.#core;
    await write(this.#core, () => {
      topics.refuseImpossible(specs);
      const named = new Set(specs.map(({ name }) => name));
      for (const { topic } of groups) if (!named.has(topic)) topics.find(topic);
      const created = new Set(specs.filter((spec) => topics.create(spec)).map(({ name }) => name));
      for (const { topic, group } of groups) if (created.has(topic)) this.#core.groups.ensure(topics.read(topic), group, 0);
    });
  }

  async partitionsOf(topic: string): Promise<number> {
    return (await this.#topic(topic)).spans.length;
  }

  async bounds(topic: string): Promise<readonly { readonly low: number; readonly high: number }[]> {
    const { spans } = await this.#topic(topic);
    return read(this.#core, () =>
      spans.map(({ partitionId }) => {
        const { low, high } = this.#core.records.stateOf(partitionId);
        return { low, high };
      }),
    );
  }

  async offsetsAt(topic: string, logTime: number): Promise<readonly number[]> {
    const { spans } = await this.#topic(topic);
    return read(this.#core, () => spans.map(({ partitionId }) => this.#core.records.offsetAt(partitionId, logTime)));
  }

  async committed(topic: string, group: string): Promise<readonly (number | undefined)[]> {
    const found = await this.#topic(topic);
    return read(this.#core, () => {
      const id = this.#core.groups.find(found, group);
      return id === undefined ? found.spans.map(() => undefined) : this.#core.groups.committed(id);
    });
  }

  /** As the port says. All of it is one transaction, in which the event loop stands still: about 6 ms for 1,000 records of 300 bytes. */
  async append(topic: string, records: readonly NewRecord[]): Promise<readonly Position[]> {
    const found = await this.#topic(topic);
    const partitions = records.map((record, index) => this.#partitionFor(found, record, index));
    const appends = new Map<number, StoredRecord[]>();
    for (const [index, record] of records.entries()) {
      const partition = partitions[index] ?? 0;
      const together = appends.get(partition) ?? [];
      appends.set(partition, together);
      together.push(toStored(record, topic, index));
    }
    if (records.length === 0) return [];
    const next = await write(this.#core, () => {
      const firsts = new Map<number, number>();
      for (const [partition, stored] of appends) {
        const partitionId = found.spans[partition]?.partitionId ?? 0;
        firsts.set(partition, this.#core.records.append(partitionId, stored));
      }
      return firsts;
    });
    this.#core.bell.ring();
    return partitions.map((partition) => {
      const offset = next.get(partition) ?? 0;
      next.set(partition, offset + 1);
      return { partition, offset };
    });
  }

  async subscribe(options: SubscribeOptions, handler: BatchHandler): Promise<Subscription> {
    this.#refuseClosing();
    const subscription = await subscribe(this.#core, options, handler, this.#settings.leaseMs);
    this.#subscriptions.add(subscription);
    const forget = () => this.#subscriptions.delete(subscription);
    subscription.done.then(forget, forget);
    if (this.#closing !== undefined) await subscription.close();
    this.#refuseClosing();
    return subscription;
  }

  tail(topic: string, options: TailOptions = {}): AsyncIterable<LogRecord> {
    return tail(this.#core, topic, options);
  }

  retain(): Promise<RetentionReport> {
    return retain(this.#core);
  }

  isConsumed(): Promise<boolean> {
    return read(this.#core, () => this.#core.groups.hasMembers(processSpace()));
  }

  async overwrite(topic: string, partition: number, offsets: readonly number[], value: Buffer): Promise<void> {
    const span = (await this.#topic(topic)).spans[partition];
    if (span !== undefined) await overwrite(this.#core, span.partitionId, offsets, value);
  }

  scrub(): Promise<void> {
    return scrub(this.#core);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#retention);
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    const core = this.#core;
    const written = core.writer.write(() => undefined);
    core.closed = true;
    // What was asked for before is still done; where it cannot be, its callers have heard of it.
    await written.catch(() => undefined);
    core.db.close();
    core.bell.ring();
    this.#settings.release();
  }

  #refuseClosing(): void {
    refuseClosed(this.#core);
    if (this.#closing !== undefined)
      throw new LogError('closed', `The log ${this.#core.file} is being closed by this process: open it again.`);
  }

  #topic(name: string): Promise<Topic> {
    return read(this.#core, () => this.#core.topics.find(name));
  }

  #partitionFor(topic: Topic, record: NewRecord, index: number): number {
    const partitions = topic.spans.length;
    if (record.partition !== undefined) {
      if (topic.spans[record.partition] !== undefined) return record.partition;
      const text = `Record ${index} names partition ${record.partition} of topic ${topic.name}, which has ${partitions}: name one from 0 to ${partitions - 1}.`;
      throw new LogError('partition_mismatch', text);
    }
    if (record.key !== null) return partitionOf(typeof record.key === 'string' ? Buffer.from(record.key) : record.key, partitions);
    const turn = this.#turns.get(topic.id) ?? 0;
    this.#turns.set(topic.id, (turn + 1) % partitions);
    return turn;
  }

  async #retainByItself(): Promise<void> {
    try {
      await this.retain();
    } catch (error) {
      if (error instanceof LogError && error.code === 'closed') return;
      process.emitWarning(error instanceof Error ? error : String(error), { code: 'IDEMTRACE_RETENTION' });
    }
  }
}

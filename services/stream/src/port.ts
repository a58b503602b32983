/**
 * The event-log port: append, consume in batches, take over a partition, commit outputs and offset together, read from a position.
 * Adapters: embedded/ (SQLite, one machine), kafka/ (a cluster). What an adapter owes is written here, and `test/conformance.ts` holds it to it.
 *
 * Offsets are whole numbers from 0, log times milliseconds since the epoch, stamped by the log itself: the only clock of judgement. Within
 * a partition offsets rise strictly and log times never fall. Faults that a caller can tell apart are a `LogError` with a code (errors.ts).
 */

/** A record as the log holds it. */
export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** When the log appended it, ms since the epoch. */
  readonly logTime: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
}

/** A record to be appended. */
export interface NewRecord {
  /** Decides the partition (murmur2 of its bytes, as Kafka's default) unless `partition` is given. */
  readonly key: string | Buffer | null;
  readonly value: Buffer;
  readonly headers?: Readonly<Record<string, Buffer>>;
  readonly partition?: number;
}

/** An output record of a batch: it goes to the partition with the number of the batch's own. */
export interface OutputRecord {
  readonly topic: string;
  readonly key: string | Buffer | null;
  readonly value: Buffer;
  readonly headers?: Readonly<Record<string, Buffer>>;
}

/** Where a record was appended. */
export interface Position {
  readonly partition: number;
  readonly offset: number;
}

export interface TopicSpec {
  readonly name: string;
  /** Fixed when the topic is created. */
  readonly partitions: number;
  /** Records older than this may be deleted; undefined keeps them. */
  readonly retentionMs?: number;
  /** Oldest records may be deleted while a partition is larger; undefined sets no bound. */
  readonly retentionBytes?: number;
  /** Largest record, and largest batch of records, that a cluster takes; undefined leaves it to the cluster. The embedded log has its own bound. */
  readonly maxMessageBytes?: number;
}

/** Records of one partition, in order, none twice. Offsets may have gaps (a cluster keeps records of its own among them). */
export interface Batch {
  readonly records: readonly LogRecord[];
  /** Where the batch starts: where the one before ended, or where a seek went. */
  readonly from: number;
  /** Where the next batch starts: one past the last offset that this batch covers. */
  readonly to: number;
}

export interface TakeOver {
  /** Next offset to judge as the group has committed it; undefined where it never did. */
  readonly committed: number | undefined;
  /** First offset that the log still holds. */
  readonly low: number;
  /** Offset that the next appended record gets. */
  readonly high: number;
}

/**
 * - `committed`: outputs and offset are in the log, all of them
 * - `fenced`: another owner took over; nothing of it is in the log, and this owner must not try again
 * - `inDoubt`: either all or nothing is in the log; take over again and read `committed` to know
 */
export type CommitResult = 'committed' | 'fenced' | 'inDoubt';

/** A partition as its owner sees it, between one assignment and the next. */
export interface OwnedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Rises with every assignment: state kept for another generation must not be trusted. */
  readonly generation: number;
  /**
   * Fences every earlier owner (its commits answer `fenced` from here on, its unfinished output never becomes visible), then reads where the
   * group stands. Must be called before the first commit of a generation. Throws where the log is away, or this owner itself was fenced.
   */
  takeOver(): Promise<TakeOver>;
  /** First offset whose log time is at or after the given one; `high` where there is none. */
  offsetAt(logTime: number): Promise<number>;
  /** The next batch starts at this offset, clamped to what the log holds when that batch is fetched. */
  seek(offset: number): void;
  /** Says that the owner is alive; to be called at least every few seconds within long work. Throws where the partition was lost. */
  heartbeat(): Promise<void>;
  /**
   * Appends the outputs and moves the group's offset to `next` (backwards too), in one transaction. Without outputs the offset may follow
   * within a second, and where that fails the records are handed on again: nothing of them was visible. Throws only where surely nothing of it
   * is in the log: `log_full`, `record_too_large`, `unknown_topic`, `partition_mismatch` (an output topic has no partition of this number),
   * `log_away`; and where `takeOver` was not called in this generation.
   */
  commit(next: number, outputs: readonly OutputRecord[]): Promise<CommitResult>;
}

/**
 * Gets one batch at a time of each partition, never an empty one; partitions may run concurrently. The first batch of an assignment starts
 * at the offset that the group has committed or, where it never did, at the first record held. The next batch of a partition starts at the
 * batch's `to`, committed or not, unless `seek` was called. A handler that throws stops the subscription with that error; a `LogError`
 * `fenced` of a partition that was indeed lost (from `takeOver` or `heartbeat`, passed on) ends the work on that partition only.
 */
export type BatchHandler = (partition: OwnedPartition, batch: Batch) => Promise<void>;

export interface SubscribeOptions {
  readonly topic: string;
  /** Members of a group share the topic's partitions: each partition has one owner at a time. */
  readonly group: string;
  /** Most records of a batch, default 500. */
  readonly maxRecords?: number;
  /** Most bytes of a batch (one record is always handed on), default 4 MiB. */
  readonly maxBytes?: number;
  /** Its commits move the offset alone, never with outputs: then a reader of a cluster needs no permission to write. Default false. */
  readonly readOnly?: boolean;
}

export interface Subscription {
  /** Finishes the batches under way, gives the partitions up, and resolves, after a fault too. No handler may wait for it. Idempotent. */
  close(): Promise<void>;
  /** Resolves when the subscription was closed; rejects with the fault that ended it. Attach to it at once: a fault is never swallowed. */
  readonly done: Promise<void>;
}

export interface TailOptions {
  /** Where to start in each partition: the first record held, the end, or an offset per partition (start, where it names none). Default `start`. */
  readonly from?: 'start' | 'end' | ReadonlyMap<number, number>;
  /** Reads this partition alone. Default: all of them. */
  readonly partition?: number;
  /** Wait for more at the end. Default false: ends at the positions that were the end when the call was made. */
  readonly follow?: boolean;
  /** Ends the iteration without an error. */
  readonly signal?: AbortSignal;
}

export interface EventLog {
  /** Identity of the log, e.g. a cluster id: two logs never share one. */
  readonly id: string;
  /** Creates what is missing, and commits offset 0 for each group on each topic so created. A topic with another partition count is an error. */
  createTopics(topics: readonly TopicSpec[], groups?: readonly { readonly topic: string; readonly group: string }[]): Promise<void>;
  /** Number of partitions of a topic. Throws where there is none of that name. */
  partitionsOf(topic: string): Promise<number>;
  /** First and next offset of every partition, by partition number. */
  bounds(topic: string): Promise<readonly { readonly low: number; readonly high: number }[]>;
  /** First offset whose log time is at or after the given one, of every partition by its number; `high` where there is none. */
  offsetsAt(topic: string, logTime: number): Promise<readonly number[]>;
  /** Next offsets that a group has committed, by partition number. */
  committed(topic: string, group: string): Promise<readonly (number | undefined)[]>;
  /**
   * Appends all or nothing; resolves with the positions, in order, once the records are durable. A cluster that goes away under it (`log_away`)
   * may hold all, some or none of them: append them again, and tell them apart by what they say.
   */
  append(topic: string, records: readonly NewRecord[]): Promise<readonly Position[]>;
  subscribe(options: SubscribeOptions, handler: BatchHandler): Promise<Subscription>;
  /**
   * Reads committed records without a group, each partition in order. Offsets outside of what the log holds are clamped to it. Where the log
   * is closed under it, the iteration rejects with `closed`: it is not taken for the end.
   */
  tail(topic: string, options?: TailOptions): AsyncIterable<LogRecord>;
  /**
   * Closes its subscriptions as their `close` does (so no handler may wait for it), then the log; calls from then on reject with `closed`.
   * Idempotent.
   */
  close(): Promise<void>;
}

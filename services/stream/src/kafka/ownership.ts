import { LogError } from '../errors.ts';
import type { CommitResult, OutputRecord, OwnedPartition, TakeOver } from '../port.ts';
import type { Connection } from './connection.ts';
import { kindOf } from './faults.ts';
import type { Offsets } from './offsets.ts';
import { boundsOf, committedOf, offsetAt } from './positions.ts';
import { batchSizeOf } from './slices.ts';
import type { Topics } from './topics.ts';
import type { Transactions } from './transactions.ts';

/** What the subscription that owns partitions lends to each. */
export interface Seat {
  readonly group: string;
  readonly topic: string;
  /** No outputs: the group's generation alone fences the owner before. */
  readonly readOnly: boolean;
  readonly connection: Connection;
  readonly topics: Topics;
  readonly offsets: Offsets;
  /** Notes a sign of life of a handler. */
  sign(): void;
  /** Asks the group whether this member is still one of it. Throws `fenced`. */
  beat(): Promise<void>;
  /** The same, where it is due. */
  beatIfDue(): Promise<void>;
  /** The next batch of the partition starts at `offset`. */
  seek(partition: number, offset: number): void;
  /** A producer took this partition over that the group knows nothing of: partitions have to be assigned anew. */
  startAnew(): void;
}

export class Ownership implements OwnedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly generation: number;
  readonly #seat: Seat;
  readonly #transactions: Transactions;
  #tookOver = false;
  #lost = false;

  constructor(seat: Seat, partition: number, generation: number, transactions: Transactions) {
    this.#seat = seat;
    this.topic = seat.topic;
    this.partition = partition;
    this.generation = generation;
    this.#transactions = transactions;
  }

  get lost(): boolean {
    return this.#lost;
  }

  lose(): void {
    this.#lost = true;
    this.#seat.offsets.forget(this.partition);
  }

  /**
   * In this order: the group says that this member owns it, the producer of the owner before is fenced and its transaction ended, and only then
   * is the group's offset read: right after a commit the coordinator may still answer with the one before (kafkajs cannot ask for a stable one).
   */
  async takeOver(): Promise<TakeOver> {
    const { connection, group } = this.#seat;
    this.#alive();
    await this.#seat.beat();
    this.#refuseLost();
    await this.#seat.offsets.flush();
    if (!this.#seat.readOnly) await this.#transactions.begin();
    const [committed, bounds] = await Promise.all([
      committedOf(connection, group, this.topic, [this.partition]),
      boundsOf(connection, this.topic, [this.partition]),
    ]);
    this.#alive();
    this.#tookOver = true;
    const { low, high } = bounds.get(this.partition) ?? { low: 0, high: 0 };
    return { committed: committed.get(this.partition), low, high };
  }

  async offsetAt(logTime: number): Promise<number> {
    this.#seat.sign();
    return offsetAt(this.#seat.connection, this.topic, this.partition, logTime);
  }

  seek(offset: number): void {
    if (!Number.isInteger(offset)) throw new RangeError(`Offset ${offset} of ${this.#name()} is no whole number.`);
    if (!this.#lost) this.#seat.seek(this.partition, offset);
  }

  async heartbeat(): Promise<void> {
    this.#alive();
    // A coordinator that is away has taken nothing from this member yet.
    await this.#seat.beatIfDue().catch((error) => {
      if (kindOf(error) === 'fenced') throw error;
    });
    this.#refuseLost();
  }

  async commit(next: number, outputs: readonly OutputRecord[]): Promise<CommitResult> {
    if (!this.#tookOver) throw new Error(`${this.#name()} was committed in generation ${this.generation} before takeOver: call it first.`);
    if (!Number.isInteger(next) || next < 0) throw new RangeError(`Offset ${next} of ${this.#name()} is no whole number from 0.`);
    if (this.#seat.readOnly && outputs.length > 0) throw new Error(`${this.#name()} is subscribed to read only: it commits no outputs.`);
    const limits = await this.#limitsOf(outputs);
    if (this.#lost) return 'fenced';
    this.#seat.sign();
    const result =
      outputs.length === 0 ? await this.#seat.offsets.commit(this.partition, next) : await this.#transact(next, outputs, limits);
    this.#seat.sign();
    if (result === 'inDoubt') this.#tookOver = false;
    if (result === 'fenced' && !this.#lost) this.#seat.startAnew();
    return result;
  }

  /** Lets go of its producer. */
  release(): Promise<void> {
    return this.#transactions.discard();
  }

  async #transact(next: number, outputs: readonly OutputRecord[], limits: ReadonlyMap<string, number>): Promise<CommitResult> {
    const { group, offsets } = this.#seat;
    await offsets.supersede(this.partition);
    if (!this.#transactions.ready) {
      // A fault before the last commit was asked for cost the producer. Only the owner may make another: it fences whoever has one.
      const member = await this.#seat.beat().then(
        () => !this.#lost,
        (error) => {
          if (kindOf(error) === 'fenced') return false;
          throw error;
        },
      );
      if (!member) return 'fenced';
      await this.#transactions.begin();
    }
    const move = { group, topic: this.topic, partition: this.partition, next };
    return this.#transactions.commit(move, outputs, (topic) => limits.get(topic) ?? 0);
  }

  /** Largest batch of each output's topic. Throws where an output surely has nowhere to go. */
  async #limitsOf(outputs: readonly OutputRecord[]): Promise<ReadonlyMap<string, number>> {
    const limits = new Map<string, number>();
    for (const name of new Set(outputs.map(({ topic }) => topic))) {
      const { partitions, maxMessageBytes } = await this.#seat.topics.find(name);
      limits.set(name, maxMessageBytes);
      if (this.partition < partitions) continue;
      const text = `Topic ${name} has no partition ${this.partition}, where outputs of ${this.#name()} go: it needs as many partitions as ${this.topic}.`;
      throw new LogError('partition_mismatch', text);
    }
    for (const [index, output] of outputs.entries()) {
      const [size, limit] = [batchSizeOf(output), limits.get(output.topic) ?? 0];
      if (size <= limit) continue;
      throw new LogError(
        'record_too_large',
        `Output ${index} makes ${size} bytes, and topic ${output.topic} takes ${limit} (max.message.bytes).`,
      );
    }
    return limits;
  }

  #alive(): void {
    this.#seat.sign();
    this.#refuseLost();
  }

  #refuseLost(): void {
    if (!this.#lost) return;
    throw new LogError('fenced', `${this.#name()} went to another member of group ${this.#seat.group}: stop working on it.`);
  }

  #name(): string {
    return `Partition ${this.partition} of topic ${this.topic}`;
  }
}

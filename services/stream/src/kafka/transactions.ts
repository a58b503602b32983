import { setTimeout as sleep } from 'node:timers/promises';
import type { Producer, Transaction } from 'kafkajs';
import { LogError } from '../errors.ts';
import type { CommitResult, OutputRecord } from '../port.ts';
import { kindOf, toLogError } from './faults.ts';
import type { Producers } from './producers.ts';
import { messageOf, slicesOf } from './slices.ts';

export interface Move {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly next: number;
}

/** How long offsets are tried to be added while the transaction before is still being written, or the group's coordinator moves, ms. */
const staleMs = 5000;

/**
 * The transactional id of one input partition. Its producer is made by `begin`, which ends what an earlier producer of this id left open and fences
 * it, and thrown away after any fault: kafkajs leaves its state and its sequences in doubt then.
 */
export class Transactions {
  readonly #producers: Producers;
  readonly #id: string;
  #producer: Producer | undefined;

  constructor(producers: Producers, id: string) {
    this.#producers = producers;
    this.#id = id;
  }

  /** True until a fault: then `begin` is needed, and whoever calls it has to be the owner still. */
  get ready(): boolean {
    return this.#producer !== undefined;
  }

  /** Throws a `LogError`. */
  async begin(): Promise<void> {
    await this.discard();
    const producer = this.#producers.transactional(this.#id);
    try {
      await producer.connect();
      // kafkajs initialises a producer, and so fences the one before, in its first transaction only.
      const transaction = await producer.transaction();
      await transaction.abort();
      this.#producer = producer;
    } catch (error) {
      await disconnect(producer);
      throw toLogError(error, `Producer ${this.#id} could not begin`);
    }
  }

  /**
   * Appends the outputs to the move's partition number, and moves the offset, in one transaction; `maxBytes` of a batch by topic. Throws where
   * the commit was surely not asked for.
   */
  async commit(move: Move, outputs: readonly OutputRecord[], maxBytes: (topic: string) => number): Promise<CommitResult> {
    const producer = this.#producer;
    if (producer === undefined) throw new Error(`Producer ${this.#id} was not begun.`);
    let transaction: Transaction;
    try {
      transaction = await producer.transaction();
    } catch (error) {
      return this.#refused(error);
    }
    try {
      await this.#fill(transaction, move, outputs, maxBytes);
    } catch (error) {
      // Without the commit nothing of it becomes visible; the abort only spares readers the wait for its timeout.
      await transaction.abort().catch(() => undefined);
      return this.#refused(error);
    }
    try {
      await transaction.commit();
      return 'committed';
    } catch (error) {
      await this.discard();
      return kindOf(error) === 'fenced' ? 'fenced' : 'inDoubt';
    }
  }

  async discard(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    if (producer !== undefined) await disconnect(producer);
  }

  /** Offsets first: a transaction right after another is refused for some ms, and here, not where records are added, the wait for it is ours. */
  async #fill(transaction: Transaction, move: Move, outputs: readonly OutputRecord[], maxBytes: (topic: string) => number): Promise<void> {
    await moveOffsets(transaction, move.group, [{ topic: move.topic, partitions: [move] }]);
    for (const [topic, records] of Map.groupBy(outputs, (output) => output.topic)) {
      for (const slice of slicesOf(records, maxBytes(topic), (record) => record)) {
        const messages = slice.map((record) => messageOf(record, move.partition));
        const answers = await this.#producers.send(transaction, [{ topic, messages }]);
        if (answers.length === 0) throw new LogError('log_away', `Kafka did not say that it appended outputs to topic ${topic}.`);
      }
    }
  }

  async #refused(error: unknown): Promise<'fenced'> {
    await this.discard();
    if (kindOf(error) === 'fenced') return 'fenced';
    const fault = toLogError(error, `Producer ${this.#id}`);
    throw fault instanceof LogError ? fault : new LogError('log_away', `Producer ${this.#id}: ${String(error)}`, { cause: error });
  }
}

/** Adds offsets to a transaction. kafkajs tries again while records are added, but not here: neither after CONCURRENT_TRANSACTIONS nor for a coordinator that is not ready. */
export async function moveOffsets(
  transaction: Transaction,
  group: string,
  topics: readonly { readonly topic: string; readonly partitions: readonly { readonly partition: number; readonly next: number }[] }[],
): Promise<void> {
  const offsets = {
    consumerGroupId: group,
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition, next }) => ({ partition, offset: String(next) })),
    })),
  };
  const until = performance.now() + staleMs;
  for (let wait = 2; ; wait = Math.min(wait * 1.5, 200)) {
    try {
      return await transaction.sendOffsets(offsets);
    } catch (error) {
      if (kindOf(error) !== 'stale' || performance.now() > until) throw error;
      await sleep(wait);
    }
  }
}

/** What a producer that is thrown away still has to say is of no use. */
async function disconnect(producer: Producer): Promise<void> {
  await producer.disconnect().catch(() => undefined);
}

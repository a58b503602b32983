import { setImmediate as nextTurn } from 'node:timers/promises';
import { LogError } from '../errors.ts';
import type { CommitResult, OutputRecord, OwnedPartition, TakeOver } from '../port.ts';
import { type Core, read, write } from './core.ts';
import { FateUnknown } from './faults.ts';
import { type Span, type StoredRecord, toStored } from './records.ts';

/** Where an ownership belongs to: one member of one group. */
export interface Seat {
  readonly group: number;
  readonly groupName: string;
  readonly member: string;
  /** Notes a sign of life of a handler: the lease is renewed on the strength of it. */
  readonly sign: () => void;
  /** Notes it, and renews the lease where that is due. */
  readonly renew: () => Promise<void>;
}

export class Ownership implements OwnedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly generation: number;
  /** Set by the subscription once the file names another owner. */
  lost = false;
  readonly #core: Core;
  readonly #seat: Seat;
  readonly #partitionId: number;
  #epoch: number | undefined;
  #sought: number | undefined;

  constructor(core: Core, seat: Seat, span: Span, generation: number) {
    this.#core = core;
    this.#seat = seat;
    this.topic = span.topic;
    this.partition = span.partition;
    this.#partitionId = span.partitionId;
    this.generation = generation;
  }

  async takeOver(): Promise<TakeOver> {
    const { records, groups } = this.#core;
    const [epoch, takeOver] = await write(this.#core, () => {
      this.#refuseLost();
      const { low, high } = records.stateOf(this.#partitionId);
      const { committed } = groups.shareOf(this.#seat.group, this.#partitionId);
      return [groups.fence(this.#seat.group, this.#partitionId), { committed, low, high }] as const;
    });
    this.#epoch = epoch;
    this.#seat.sign();
    return takeOver;
  }

  offsetAt(logTime: number): Promise<number> {
    return read(this.#core, () => this.#core.records.offsetAt(this.#partitionId, logTime));
  }

  seek(offset: number): void {
    if (!Number.isInteger(offset)) throw new RangeError(`Offset ${offset} of ${this.#name()} is no whole number.`);
    this.#sought = offset;
  }

  /** The offset of the latest seek, once. */
  takeSought(): number | undefined {
    const sought = this.#sought;
    this.#sought = undefined;
    return sought;
  }

  async heartbeat(): Promise<void> {
    await read(this.#core, () => this.#refuseLost());
    await this.#seat.renew();
    await nextTurn();
  }

  async commit(next: number, outputs: readonly OutputRecord[]): Promise<CommitResult> {
    const epoch = this.#epoch;
    if (epoch === undefined)
      throw new Error(`${this.#name()} was committed in generation ${this.generation} before takeOver: call it first.`);
    if (!Number.isInteger(next) || next < 0) throw new RangeError(`Offset ${next} of ${this.#name()} is no whole number from 0.`);
    const { records, groups, bell } = this.#core;
    const appends = await read(this.#core, () => this.#appendsOf(outputs));
    try {
      const result = await write(this.#core, () => {
        if (groups.shareOf(this.#seat.group, this.#partitionId).epoch !== epoch) return 'fenced';
        for (const [partitionId, stored] of appends) records.append(partitionId, stored);
        groups.moveOffset(this.#seat.group, this.#partitionId, next);
        return 'committed';
      });
      if (outputs.length > 0 && result === 'committed') bell.ring();
      this.#seat.sign();
      return result;
    } catch (error) {
      if (error instanceof FateUnknown) return 'inDoubt';
      throw error;
    }
  }

  /** Outputs by the partition that they go to. */
  #appendsOf(outputs: readonly OutputRecord[]): Map<number, StoredRecord[]> {
    const appends = new Map<number, StoredRecord[]>();
    for (const [index, output] of outputs.entries()) {
      const span = this.#core.topics.find(output.topic).spans[this.partition];
      if (span === undefined) {
        const text = `Topic ${output.topic} has no partition ${this.partition}, where outputs of ${this.#name()} go: it needs as many partitions as ${this.topic}.`;
        throw new LogError('partition_mismatch', text);
      }
      const stored = toStored(output, output.topic, index);
      const together = appends.get(span.partitionId);
      if (together === undefined) appends.set(span.partitionId, [stored]);
      else together.push(stored);
    }
    return appends;
  }

  /** Whether the file still names this member as the owner of this generation. */
  isHeld(): boolean {
    const share = this.#core.groups.shareOf(this.#seat.group, this.#partitionId);
    return share.member === this.#seat.member && share.generation === this.generation;
  }

  #refuseLost(): void {
    if (this.isHeld()) return;
    throw new LogError('fenced', `${this.#name()} went to another member of group ${this.#seat.groupName}: stop working on it.`);
  }

  #name(): string {
    return `Partition ${this.partition} of topic ${this.topic}`;
  }
}

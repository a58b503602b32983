/** A simulated log: what a cluster holds, and how each process sees it. */
import {
  type Batch,
  type BatchHandler,
  type CommitResult,
  type EventLog,
  LogError,
  type LogRecord,
  type OutputRecord,
  type OwnedPartition,
  type SubscribeOptions,
  type Subscription,
  type TakeOver,
} from '@idemtrace/stream';
import type { Process, World } from './world.ts';

export const TOPICS = { events: 'events', alerts: 'alerts', deadLetters: 'dead-letters' };

interface PartitionState {
  readonly records: LogRecord[];
  low: number;
  high: number;
  committed: number;
  /** Rises with every take-over: commits of earlier ones are refused. */
  epoch: number;
}

interface Member {
  readonly process: Process;
  readonly handler: BatchHandler;
  /** Rises with every assignment of a partition to this member. */
  generation: number;
  readonly owned: Map<number, number>;
}

/** Faults of the log, as probabilities of each call. All zero: a log that works. */
export interface LogFaults {
  away: number;
  inDoubt: number;
  /** An owner that was replaced and does not know. */
  zombie: number;
  /** The fetcher starts again elsewhere. */
  refetch: number;
}

/** The cluster: shared by all processes, and outlives them. */
export class Cluster {
  readonly world: World;
  readonly faults: LogFaults;
  readonly partitions: PartitionState[];
  /** Committed output, in order: what a read_committed subscriber sees. */
  readonly outputs: { readonly partition: number; readonly record: OutputRecord }[] = [];
  readonly #members: Member[] = [];

  constructor(world: World, partitions: number, faults: LogFaults) {
    this.world = world;
    this.faults = faults;
    this.partitions = Array.from({ length: partitions }, () => ({ records: [], low: 0, high: 0, committed: 0, epoch: 0 }));
  }

  state(partition: number): PartitionState {
    const state = this.partitions[partition];
    if (state === undefined) throw new Error(`no partition ${partition}`);
    return state;
  }

  append(partition: number, record: Pick<LogRecord, 'key' | 'value' | 'logTime'>, gap: number): number {
    const state = this.state(partition);
    const offset = state.high + gap;
    state.records.push({ ...record, topic: TOPICS.events, partition, offset, headers: {} });
    state.high = offset + 1;
    return offset;
  }

  /** Records below the offset are gone. */
  cut(partition: number, offset: number): void {
    const state = this.state(partition);
    state.low = Math.max(state.low, Math.min(offset, state.high));
    while (state.records[0] !== undefined && state.records[0].offset < state.low) state.records.shift();
  }

  get caughtUp(): boolean {
    return this.partitions.every(({ committed, high }) => committed === high);
  }

  join(process: Process, handler: BatchHandler): void {
    this.#members.push({ process, handler, generation: 0, owned: new Map() });
    this.rebalance();
  }

  /** Partitions go to the members that live, anew; who had one and has it no longer learns of it late. */
  rebalance(): void {
    const live = this.#members.filter(({ process }) => process.alive);
    for (const [partition] of this.partitions.entries()) {
      const member = live.length === 0 ? undefined : this.world.random.pick(live);
      for (const other of this.#members) if (other !== member) other.owned.delete(partition);
      if (member === undefined) continue;
      member.generation += 1;
      member.owned.set(partition, member.generation);
      void this.#pump(member, partition, member.generation);
    }
  }

  /** Hands batches to the member's handler, until the partition is another's or the process is dead. */
  async #pump(member: Member, partition: number, generation: number): Promise<void> {
    const { world, faults } = this;
    const { process, handler } = member;
    const state = this.state(partition);
    const isCurrent = () => member.owned.get(partition) === generation;
    let position = Math.max(state.committed, state.low);
    const owned = new Owned(this, process, partition, generation, isCurrent);
    for (;;) {
      await world.turn(process, 'poll', () => !isCurrent() || state.high > position || state.low > position);
      if (!isCurrent()) {
        if (!world.random.chance(faults.zombie)) return;
        world.count('fault: zombie');
      }
      position = Math.max(position, state.low);
      if (world.random.chance(faults.refetch)) {
        world.count('fault: refetch');
        position = state.low + world.random.below(Math.max(1, state.high - state.low));
      }
      const batch = this.#fetch(state, position);
      if (batch === undefined) {
        if (!isCurrent()) return;
        continue;
      }
      owned.seekTo = undefined;
      try {
        await handler(owned, batch);
      } catch (error) {
        if (error instanceof LogError && error.code === 'fenced') return;
        world.tell(`${process.name} fails: ${error instanceof Error ? error.message : error}`);
        world.count('process failed');
        world.kill(process);
        return;
      }
      position = owned.seekTo ?? batch.to;
    }
  }

  #fetch(state: PartitionState, from: number): Batch | undefined {
    const waiting = state.records.filter(({ offset }) => offset >= from);
    if (waiting.length === 0) return undefined;
    const records = waiting.slice(0, 1 + this.world.random.below(6));
    const last = records.at(-1);
    return { records, from, to: (last?.offset ?? from) + 1 };
  }
}

class Owned implements OwnedPartition {
  readonly topic = TOPICS.events;
  readonly partition: number;
  readonly generation: number;
  seekTo: number | undefined;
  readonly #cluster: Cluster;
  readonly #process: Process;
  readonly #isCurrent: () => boolean;
  #epoch = -1;

  constructor(cluster: Cluster, process: Process, partition: number, generation: number, isCurrent: () => boolean) {
    this.#cluster = cluster;
    this.#process = process;
    this.partition = partition;
    this.generation = generation;
    this.#isCurrent = isCurrent;
  }

  async takeOver(): Promise<TakeOver> {
    await this.#call('take over');
    // The group's coordinator knows members: one that it has replaced cannot take over.
    if (!this.#isCurrent()) throw new LogError('fenced', 'the partition is another member’s');
    const state = this.#cluster.state(this.partition);
    state.epoch += 1;
    this.#epoch = state.epoch;
    await this.#turn('took over');
    const { committed, low, high } = state;
    return { committed, low, high };
  }

  async offsetAt(logTime: number): Promise<number> {
    await this.#call('offset at');
    const state = this.#cluster.state(this.partition);
    return state.records.find((record) => record.logTime >= logTime)?.offset ?? state.high;
  }

  seek(offset: number): void {
    this.seekTo = offset;
  }

  async heartbeat(): Promise<void> {
    await this.#turn('heartbeat');
    if (!this.#isCurrent() && !this.#cluster.world.random.chance(this.#cluster.faults.zombie)) {
      throw new LogError('fenced', 'the partition is another member’s');
    }
  }

  async commit(next: number, outputs: readonly OutputRecord[]): Promise<CommitResult> {
    const { world, faults } = this.#cluster;
    await this.#call('commit');
    const state = this.#cluster.state(this.partition);
    if (this.#epoch !== state.epoch) {
      world.count('fault: fenced commit');
      return 'fenced';
    }
    const isInDoubt = world.random.chance(faults.inDoubt);
    if (isInDoubt) world.count('fault: commit in doubt');
    if (!isInDoubt || world.random.chance(0.5)) {
      for (const record of outputs) this.#cluster.outputs.push({ partition: this.partition, record });
      state.committed = next;
    }
    await this.#turn('committed');
    return isInDoubt ? 'inDoubt' : 'committed';
  }

  /** A call that may find the log away: nothing of it happened then. */
  async #call(point: string): Promise<void> {
    await this.#turn(point);
    const { world, faults } = this.#cluster;
    if (!world.random.chance(faults.away)) return;
    world.count('fault: log away');
    throw new LogError('log_away', 'the log is away');
  }

  #turn(point: string): Promise<void> {
    return this.#cluster.world.turn(this.#process, point);
  }
}

/** The log as one process sees it: what the detector's loop uses of the port. */
export function logOf(cluster: Cluster, process: Process): EventLog {
  const unused = (): never => {
    throw new Error('the loop uses no more of the log than this');
  };
  return {
    id: 'simulated',
    async partitionsOf() {
      await cluster.world.turn(process, 'partitions of');
      return cluster.partitions.length;
    },
    async subscribe(_: SubscribeOptions, handler: BatchHandler): Promise<Subscription> {
      await cluster.world.turn(process, 'subscribe');
      cluster.join(process, handler);
      return { close: async () => {}, done: new Promise(() => {}) };
    },
    createTopics: unused,
    bounds: unused,
    offsetsAt: unused,
    committed: unused,
    append: unused,
    tail: unused,
    close: unused,
  };
}

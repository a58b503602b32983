import { AssignerProtocol } from 'kafkajs';
import { LogError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { kindOf } from './faults.ts';
import { claimOf, decodeAssignment, encodeAssignments, encodeClaim, protocolName } from './group-protocol.ts';

export interface MembershipOptions {
  readonly group: string;
  readonly topic: string;
  readonly sessionTimeoutMs: number;
  /** How long the group waits for a member that works on when it is being rebalanced, ms. */
  readonly rebalanceTimeoutMs: number;
  /** Number of partitions of a topic that some member of the group subscribes to; undefined where it is gone. */
  readonly partitionsOf: (topic: string) => Promise<number | undefined>;
}

/** What the membership asks and tells its subscription. */
export interface MemberDuties {
  /** No handler under way gave a sign of life for a session's length. */
  isSilent(): boolean;
  /** Resolves once a handler gives a sign, or none is under way. */
  heard(): Promise<void>;
  /** Ends what is under way, as far as it ends by itself, and writes down what is committed: partitions may be taken away after it. */
  pause(): Promise<void>;
  /** The partitions until the next call. `kept`: nobody else can have owned one of them since the last call. */
  assigned(partitions: readonly number[], kept: boolean): void;
  /** The group goes on without this member. */
  lost(): void;
  report(message: string): void;
}

/** What says that a request comes of a member's current generation. */
export interface MemberIdentity {
  readonly groupId: string;
  readonly memberId: string;
  readonly groupGenerationId: number;
}

/** A member of a group on one topic, by Kafka's classic protocol: join, sync, heartbeat, leave. Its requests have connections of their own. */
export class Membership {
  readonly #connection: Connection;
  readonly #options: MembershipOptions;
  readonly #duties: MemberDuties;
  #memberId = '';
  /** Generation that the assignment in force belongs to; undefined while this is no member. */
  #generation: number | undefined;
  /** Generation of the last assignment, and what it gave: a claim on the same partitions. */
  #last: { readonly generation: number; readonly partitions: readonly number[] } | undefined;
  #joining: Promise<void> | undefined;
  #beatAt = 0;
  #stale = false;
  #stopping = false;
  #wake: () => void = () => undefined;

  constructor(connection: Connection, options: MembershipOptions, duties: MemberDuties) {
    this.#connection = connection;
    this.#options = options;
    this.#duties = duties;
  }

  get identity(): MemberIdentity | undefined {
    if (this.#generation === undefined) return undefined;
    return { groupId: this.#options.group, memberId: this.#memberId, groupGenerationId: this.#generation };
  }

  /** Is a member until `stop`. Throws where the cluster refuses it for good. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      try {
        if (this.#duties.isSilent()) await this.#waitSilently();
        else if (this.#generation === undefined || this.#stale) await this.#rejoin();
        else await this.#stay();
      } catch (error) {
        if (!mayComeBack(error)) throw error;
        this.#duties.report(`The group's coordinator cannot be reached: ${messageOf(error)}`);
        await this.#rest();
      }
    }
  }

  /** Leaves after the current step; `leave` does it for good. */
  stop(): void {
    this.#stopping = true;
    this.#wake();
  }

  async leave(): Promise<void> {
    const { group: groupId } = this.#options;
    const memberId = this.#memberId;
    this.#forget();
    if (memberId === '') return;
    // Where it cannot be said, the session runs out by itself.
    await this.#connection
      .run(`Group ${groupId}`, async (cluster) => (await cluster.findGroupCoordinator({ groupId })).leaveGroup({ groupId, memberId }))
      .catch(() => undefined);
  }

  /** Leaves, and joins as another member: whatever was owned is assigned anew. */
  async startAnew(): Promise<void> {
    await this.leave();
    this.#wake();
  }

  /** Says that this member is alive, and hears whether it still is one. Throws `fenced` where it is not. */
  async beat(): Promise<void> {
    await this.#joining;
    const identity = this.identity;
    if (identity === undefined) throw new LogError('fenced', `This member is no longer one of group ${this.#options.group}.`);
    try {
      await this.#connection.run(`Group ${identity.groupId}`, async (cluster) =>
        (await cluster.findGroupCoordinator({ groupId: identity.groupId })).heartbeat(identity),
      );
      this.#beatAt = performance.now();
    } catch (error) {
      this.heard(error);
      if (kindOf(error) !== 'rebalancing') throw error;
      this.#beatAt = performance.now();
    }
  }

  async beatIfDue(): Promise<void> {
    if (performance.now() - this.#beatAt > this.#interval / 2) await this.beat();
  }

  /** What the answer to a request as a member says of the membership. */
  heard(error: unknown): void {
    const kind = kindOf(error);
    if (kind === 'rebalancing') this.#stale = true;
    if (kind === 'fenced') this.#forget();
    if (kind === 'rebalancing' || kind === 'fenced') this.#wake();
  }

  get #interval(): number {
    return this.#options.sessionTimeoutMs / 10;
  }

  async #stay(): Promise<void> {
    await this.#rest();
    if (!this.#stopping && !this.#duties.isSilent() && this.#generation !== undefined && !this.#stale) {
      await this.beatIfDue().catch((error) => {
        if (kindOf(error) !== 'fenced') throw error;
      });
    }
  }

  /** A member whose handlers keep silent looks dead to the group, as one does that is stopped: it gives its partitions up. */
  async #waitSilently(): Promise<void> {
    this.#duties.report('Handlers gave no sign of life: leaving the group until they do.');
    await this.leave();
    await this.#duties.heard();
  }

  async #rejoin(): Promise<void> {
    // Heartbeats go on while batches end: else the session would run out before the group is joined anew.
    const beating = setInterval(() => void this.beat().catch(() => undefined), this.#interval);
    await this.#duties.pause().finally(() => clearInterval(beating));
    if (this.#stopping || this.#duties.isSilent()) return;
    const joining = this.#join();
    this.#joining = joining.catch(() => undefined);
    try {
      await joining;
    } catch (error) {
      this.heard(error);
      if (kindOf(error) !== 'rebalancing' && kindOf(error) !== 'fenced') throw error;
    } finally {
      this.#joining = undefined;
    }
  }

  async #join(): Promise<void> {
    const { group: groupId, topic, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options;
    await this.#connection.run(`Group ${groupId}`, async (cluster) => {
      const coordinator = await cluster.findGroupCoordinator({ groupId });
      this.#stale = false;
      const joined = await coordinator.joinGroup({
        groupId,
        memberId: this.#memberId,
        sessionTimeout: sessionTimeoutMs,
        rebalanceTimeout: rebalanceTimeoutMs,
        groupProtocols: [{ name: protocolName, metadata: encodeClaim(topic, this.#last) }],
      });
      this.#memberId = joined.memberId;
      const claims = joined.leaderId === joined.memberId ? joined.members.map(claimOf) : [];
      const synced = await coordinator.syncGroup({
        groupId,
        memberId: joined.memberId,
        generationId: joined.generationId,
        groupAssignment: await encodeAssignments(claims, this.#options.partitionsOf),
      });
      const partitions = decodeAssignment(AssignerProtocol.MemberAssignment.decode(synced.memberAssignment), topic);
      // Who missed an assignment cannot know who owned its partitions in between.
      const missed = joined.generationId - (this.#last?.generation ?? Number.NEGATIVE_INFINITY) - 1;
      const kept = missed === 0 || missed === -1;
      this.#generation = joined.generationId;
      this.#last = { generation: joined.generationId, partitions };
      this.#beatAt = performance.now();
      this.#duties.assigned(partitions, kept);
    });
  }

  #forget(): void {
    this.#memberId = '';
    this.#generation = undefined;
    this.#last = undefined;
    this.#duties.lost();
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#interval);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function mayComeBack(error: unknown): boolean {
  const kind = kindOf(error);
  return kind === 'away' || kind === 'stale' || kind === 'rebalancing' || kind === 'fenced';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { assign } from '../assignment.ts';
import { isPresent, type Presence } from './presence.ts';
import type { Topic } from './topics.ts';

/** What a group holds about a partition. */
export interface GroupShare {
  readonly committed: number | undefined;
  /** Rises with every take-over: a commit must name the one of its own take-over. */
  readonly epoch: number;
  readonly member: string | undefined;
  readonly generation: number;
}

/** Groups, their members, and who owns what. What writes is called within one transaction. */
export class Groups {
  readonly #find: StatementSync;
  readonly #insertGroup: StatementSync;
  readonly #insertShare: StatementSync;
  readonly #generation: StatementSync;
  readonly #raise: StatementSync;
  readonly #shares: StatementSync;
  readonly #share: StatementSync;
  readonly #own: StatementSync;
  readonly #fence: StatementSync;
  readonly #commit: StatementSync;
  readonly #members: StatementSync;
  readonly #everyMember: StatementSync;
  readonly #insertMember: StatementSync;
  readonly #renew: StatementSync;
  readonly #dismiss: StatementSync;

  constructor(db: DatabaseSync) {
    this.#find = db.prepare('SELECT id FROM groups WHERE topic = ? AND name = ?');
    this.#insertGroup = db.prepare('INSERT OR IGNORE INTO groups (topic, name) VALUES (?, ?)');
    this.#insertShare = db.prepare('INSERT OR IGNORE INTO shares (grp, partition, committed) VALUES (?, ?, ?)');
    this.#generation = db.prepare('SELECT generation FROM groups WHERE id = ?');
    this.#raise = db.prepare('UPDATE groups SET generation = generation + 1 WHERE id = ? RETURNING generation');
    this.#shares = db.prepare('SELECT partition, committed, member, generation FROM shares WHERE grp = ? ORDER BY partition');
    this.#share = db.prepare('SELECT committed, epoch, member, generation FROM shares WHERE grp = ? AND partition = ?');
    this.#own = db.prepare('UPDATE shares SET member = ?, generation = ? WHERE grp = ? AND partition = ?');
    this.#fence = db.prepare('UPDATE shares SET epoch = epoch + 1 WHERE grp = ? AND partition = ? RETURNING epoch');
    this.#commit = db.prepare('UPDATE shares SET committed = ? WHERE grp = ? AND partition = ?');
    this.#members = db.prepare('SELECT id, lease_until, lease_ms, host, pid FROM members WHERE grp = ? ORDER BY seq');
    this.#everyMember = db.prepare('SELECT lease_until, lease_ms, host, pid FROM members');
    this.#insertMember = db.prepare('INSERT INTO members (grp, id, lease_until, lease_ms, host, pid) VALUES (?, ?, ?, ?, ?, ?)');
    this.#renew = db.prepare('UPDATE members SET lease_until = ? WHERE id = ?');
    this.#dismiss = db.prepare('DELETE FROM members WHERE id = ?');
  }

  find(topic: Topic, name: string): number | undefined {
    const row = this.#find.get(topic.id, name);
    return row === undefined ? undefined : Number(row.id);
  }

  /** The group, created where it is missing: then with `committed` as the offset of every partition, undefined for none. */
  ensure(topic: Topic, name: string, committed?: number): number {
    this.#insertGroup.run(topic.id, name);
    const group = this.find(topic, name) ?? 0;
    for (const { partitionId } of topic.spans) this.#insertShare.run(group, partitionId, committed ?? null);
    return group;
  }

  /** By partition number. */
  committed(group: number): (number | undefined)[] {
    return this.#shares.all(group).map((row) => optionalNumber(row.committed));
  }

  generationOf(group: number): number {
    return Number(this.#generation.get(group)?.generation);
  }

  shareOf(group: number, partitionId: number): GroupShare {
    const row = this.#share.get(group, partitionId) ?? {};
    return {
      committed: optionalNumber(row.committed),
      epoch: Number(row.epoch),
      member: optionalString(row.member),
      generation: Number(row.generation),
    };
  }

  /** Generation of each partition that a member owns, by partition id. */
  ownedBy(group: number, member: string): Map<number, number> {
    const rows = this.#shares.all(group).filter((row) => row.member === member);
    return new Map(rows.map((row) => [Number(row.partition), Number(row.generation)]));
  }

  /** Epoch of the new owner: commits under any earlier one are fenced from here on. */
  fence(group: number, partitionId: number): number {
    return Number(this.#fence.get(group, partitionId)?.epoch);
  }

  moveOffset(group: number, partitionId: number, next: number): void {
    this.#commit.run(next, group, partitionId);
  }

  join(group: number, member: string, presence: Presence): void {
    this.#insertMember.run(group, member, presence.leaseUntil, presence.leaseMs, presence.host, presence.pid);
    this.rebalance(group, member, presence);
  }

  /** Whether any group has a member that is there now. */
  hasMembers(host: string): boolean {
    const now = Date.now();
    return this.#everyMember.all().some((row) => isPresent(presenceIn(row), now, host));
  }

  /** False where the member was dismissed meanwhile. */
  renew(member: string, leaseUntil: number): boolean {
    return this.#renew.run(leaseUntil, member).changes === 1;
  }

  leave(group: number, member: string, now: Pick<Presence, 'host'>): void {
    this.#dismiss.run(member);
    this.rebalance(group, member, now);
  }

  /** Members that are gone without having left, the asking one never among them. */
  gone(group: number, asking: string, host: string): readonly string[] {
    const now = Date.now();
    return this.#members.all(group).flatMap((row) => {
      const id = String(row.id);
      return id === asking || isPresent(presenceIn(row), now, host) ? [] : [id];
    });
  }

  /** Dismisses members that are gone, and shares the partitions out among the others. Partitions that move get a new generation. */
  rebalance(group: number, asking: string, { host }: Pick<Presence, 'host'>): void {
    for (const member of this.gone(group, asking, host)) this.#dismiss.run(member);
    const members = this.#members.all(group).map((row) => String(row.id));
    const shares = this.#shares.all(group).map((row) => ({ partition: Number(row.partition), member: optionalString(row.member) }));
    const next = assign(members, shares);
    const moved = shares.filter(({ partition, member }) => next.get(partition) !== member);
    if (moved.length === 0) return;
    const generation = Number(this.#raise.get(group)?.generation);
    for (const { partition } of moved) this.#own.run(next.get(partition) ?? null, generation, group, partition);
  }
}

function presenceIn(row: Readonly<Record<string, unknown>>): Presence {
  return { leaseUntil: Number(row.lease_until), leaseMs: Number(row.lease_ms), host: String(row.host), pid: Number(row.pid) };
}

function optionalNumber(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

function optionalString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

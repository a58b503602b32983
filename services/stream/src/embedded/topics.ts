import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { LogError } from '../errors.ts';
import type { TopicSpec } from '../port.ts';
import { mostPartitions, type Span } from './records.ts';

export interface Topic {
  readonly id: number;
  readonly name: string;
  /** By partition number. */
  readonly spans: readonly Span[];
}

/** Topics and their partitions. A topic is never deleted and keeps its partitions, so what was read once stays right. */
export class Topics {
  readonly #db: DatabaseSync;
  readonly #known = new Map<string, Topic>();
  readonly #topic: StatementSync;
  readonly #partitions: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#topic = db.prepare('SELECT id FROM topics WHERE name = ?');
    this.#partitions = db.prepare('SELECT id, number FROM partitions WHERE topic = ? ORDER BY number');
  }

  /** Throws `unknown_topic`. */
  find(name: string): Topic {
    const known = this.#known.get(name) ?? this.read(name);
    this.#known.set(name, known);
    return known;
  }

  /** Reads it afresh, as the transaction at hand sees it. Throws `unknown_topic`. */
  read(name: string): Topic {
    const topic = this.#read(name);
    if (topic === undefined) throw new LogError('unknown_topic', `There is no topic ${name} in this log: create it first.`);
    return topic;
  }

  #read(name: string): Topic | undefined {
    const row = this.#topic.get(name);
    if (row === undefined) return undefined;
    const id = Number(row.id);
    const spans = this.#partitions.all(id).map((partition): Span => {
      return { topic: name, partition: Number(partition.number), partitionId: Number(partition.id) };
    });
    return { id, name, spans };
  }

  /**
   * Creates the topic where it is missing, within the caller's transaction; true where it did. What is retained of a topic that exists
   * follows the specification given last. Throws `partition_mismatch`.
   */
  create(spec: TopicSpec): boolean {
    const existing = this.#read(spec.name);
    const retention = [spec.retentionMs ?? null, spec.retentionBytes ?? null] as const;
    if (existing !== undefined) {
      refuseMismatch(existing, spec);
      this.#db.prepare('UPDATE topics SET retention_ms = ?, retention_bytes = ? WHERE id = ?').run(...retention, existing.id);
      return false;
    }
    const topic = this.#db
      .prepare('INSERT INTO topics (name, partitions, retention_ms, retention_bytes) VALUES (?, ?, ?, ?)')
      .run(spec.name, spec.partitions, ...retention).lastInsertRowid;
    const insert = this.#db.prepare('INSERT INTO partitions (topic, number) VALUES (?, ?)');
    for (let number = 0; number < spec.partitions; number++) insert.run(topic, number);
    return true;
  }

  /** Throws `partition_mismatch` where a specification cannot be met, before anything is written. */
  refuseImpossible(specs: readonly TopicSpec[]): void {
    const row = this.#db.prepare('SELECT count(*) AS partitions FROM partitions').get();
    let total = Number(row?.partitions);
    for (const [index, spec] of specs.entries()) {
      if (specs.findIndex(({ name }) => name === spec.name) !== index)
        throw new LogError('partition_mismatch', `Topic ${spec.name} is given twice in one call: give it once.`);
      const existing = this.#read(spec.name);
      if (existing !== undefined) {
        refuseMismatch(existing, spec);
        continue;
      }
      total += spec.partitions;
      if (!Number.isInteger(spec.partitions) || spec.partitions < 1 || total > mostPartitions) {
        const text = `Topic ${spec.name} cannot have ${spec.partitions} partitions: give a whole number from 1, with at most ${mostPartitions} in the log.`;
        throw new LogError('partition_mismatch', text);
      }
    }
  }
}

function refuseMismatch(existing: Topic, spec: TopicSpec): void {
  if (existing.spans.length === spec.partitions) return;
  const text = `Topic ${spec.name} has ${existing.spans.length} partitions, not ${spec.partitions}: the number is fixed; ask for ${existing.spans.length}, or use a new topic.`;
  throw new LogError('partition_mismatch', text);
}

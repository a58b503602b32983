/**
 * Tombstones: what was erased from a log that cannot take it out. Each says of a tenant up to which offsets its records read as clock ticks, so
 * that neither a rebuild of windows nor a sink that reads again brings the tenant back. They lie in a topic of their own beside the events, so
 * that whoever has the log has them; it is kept for ever, and as small as erasures are rare.
 */
import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Codec } from '@idemtrace/schemas';
import { type EventLog, LogError, type LogRecord, type Mask, maskedLog, type TopicSpec } from '@idemtrace/stream';
import { z } from 'zod';
import { tenantOfKey } from './tenant-records.ts';

const tombstoneSchema = z.object({
  version: z.literal(1),
  /** Digest of the tenant's id: the id itself is one of the things that were to go. */
  tenant: z.string(),
  /** By topic and partition, the first offset that is not erased. */
  through: z.record(z.string(), z.array(z.number())),
});

export type Tombstone = z.output<typeof tombstoneSchema>;

/** Not Avro: nobody but this program reads them, and one that cannot be read must not be passed over for want of a schema. */
export function encodeTombstone(tenantId: string, through: Tombstone['through']): Buffer {
  return Buffer.from(JSON.stringify({ version: 1, tenant: digestOf(tenantId), through } satisfies Tombstone));
}

export function tombstoneTopic(events: string): string {
  return `${events}.erased`;
}

/** One partition: tombstones have an order. No retention: a tombstone must outlast the records that it is about. */
export function tombstoneTopicSpec(events: string): TopicSpec {
  return { name: tombstoneTopic(events), partitions: 1 };
}

function digestOf(tenantId: string): string {
  return hash('sha256', `idemtrace/erased ${tenantId}`, 'base64url');
}

/** How old what is known may be when records are handed on, ms. */
const STALE_MS = 5_000;
const RETRY_MS = 500;
const MOST_KNOWN = 10_000;

/**
 * The log, masked by its tombstones. Where it has no topic of them it is taken as it is: that topic is made by `topics create`, and whoever
 * started before it was is to be started again. Throws LogError, and an Error for a tombstone of a later version.
 */
export async function withTombstones(log: EventLog, codec: Pick<Codec, 'encode'>, events: string): Promise<EventLog> {
  const topic = tombstoneTopic(events);
  const known = await log.partitionsOf(topic).then(
    () => true,
    (error: unknown) => {
      if (error instanceof LogError && error.code === 'unknown_topic') return false;
      throw error;
    },
  );
  if (!known) return log;
  const tombstones = new Tombstones(log, topic, codec.encode('ClockTick', { occurredAt: Date.now() }));
  await tombstones.refresh('now');
  return maskedLog(log, tombstones);
}

class Tombstones implements Mask {
  readonly #log: EventLog;
  readonly #topic: string;
  readonly #tick: Buffer;
  #next = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #byTenant = new Map<string, Tombstone['through'][]>();
  /** By tenant id, so that a record costs no digest. */
  readonly #known = new Map<string, readonly Tombstone['through'][]>();

  constructor(log: EventLog, topic: string, tick: Buffer) {
    this.#log = log;
    this.#topic = topic;
    this.#tick = tick;
  }

  async refresh(when: 'sometimes' | 'now'): Promise<void> {
    if (when === 'sometimes' && performance.now() - this.#readAt < STALE_MS) return;
    for (;;) {
      try {
        return await this.#read();
      } catch (error) {
        // Going on would be to bring back what was erased.
        if (!(error instanceof LogError && error.code === 'log_away')) throw error;
        await sleep(RETRY_MS);
      }
    }
  }

  async #read(): Promise<void> {
    const at = performance.now();
    const [bounds] = await this.#log.bounds(this.#topic);
    if (bounds !== undefined && bounds.high > this.#next) {
      for await (const { offset, value } of this.#log.tail(this.#topic, { from: new Map([[0, this.#next]]) })) {
        // Another reader of this instance may have been there first.
        if (offset < this.#next) continue;
        this.#add(value);
        this.#next = offset + 1;
      }
      this.#next = Math.max(this.#next, bounds.high);
    }
    this.#readAt = at;
  }

  #add(value: Buffer | null): void {
    const { tenant, through } = tombstoneSchema.parse(JSON.parse(value?.toString() ?? ''));
    this.#byTenant.set(tenant, [...(this.#byTenant.get(tenant) ?? []), through]);
    this.#known.clear();
  }

  mask(record: LogRecord): LogRecord {
    if (this.#byTenant.size === 0) return record;
    const tenantId = tenantOfKey(record.key);
    if (tenantId === undefined) return record;
    const isErased = this.#of(tenantId).some((through) => record.offset < (through[record.topic]?.[record.partition] ?? 0));
    return isErased ? { ...record, key: null, value: this.#tick, headers: {} } : record;
  }

  #of(tenantId: string): readonly Tombstone['through'][] {
    const known = this.#known.get(tenantId);
    if (known !== undefined) return known;
    const found = this.#byTenant.get(digestOf(tenantId)) ?? [];
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(tenantId, found);
    return found;
  }
}

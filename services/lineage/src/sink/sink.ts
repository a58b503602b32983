/** The lineage sink: every event, alert and dead letter of the log into ClickHouse. It blocks, never drops. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import type { AnyRecord, Codec } from '@idemtrace/schemas';
import type { EventLog, Subscription } from '@idemtrace/stream';
import { GroupInsert } from './group-insert.ts';
import { errorCodeOf, type InsertCall, insertOnce, untilDone, type Wait, waitOnClock } from './insert.ts';
import { PartitionWriter } from './partition-writer.ts';

/** What the sink logs to; pino's loggers are such. */
export interface SinkLogger {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface BatchLimits {
  /** Rows of an insert, default 10,000. */
  readonly maxRows?: number;
  /** Bytes of records of an insert, default 8 MiB. */
  readonly maxBytes?: number;
  /** How long a batch waits for others, in milliseconds, default 500. */
  readonly maxMs?: number;
}

export interface LineageSinkOptions {
  readonly log: EventLog;
  readonly codec: Pick<Codec, 'decode' | 'encode'>;
  /** Sees the database that `migrate` has prepared. Stays the caller's to close. */
  readonly client: ClickHouseClient;
  readonly topics: { readonly events: string; readonly alerts: string; readonly deadLetters: string };
  /** Consumer group, e.g. `idemtrace-lineage`: commit offset 0 for it where the topics are created. */
  readonly group: string;
  readonly batch?: BatchLimits;
  readonly logger?: SinkLogger;
  /** ms since the epoch, for `status`. Default: the machine's clock. */
  readonly clock?: () => number;
  /** How often a waiting batch says that its owner is alive, in milliseconds, default 2,000. */
  readonly heartbeatMs?: number;
  /** Told of every insert that ClickHouse acknowledged; the time of tries that failed is in it. */
  readonly onInsert?: (insert: { readonly table: string; readonly rows: number; readonly durationMs: number }) => void;
}

export interface SinkStatus {
  /** False from a failure until the next insert went through. */
  readonly healthy: boolean;
  /** The latest failure: a stable code, and when, ms since the epoch. */
  readonly lastError: { readonly code: string; readonly at: number } | undefined;
  /** Rows inserted by this instance, by table; rows that came again are counted again. */
  readonly inserted: Readonly<Record<string, number>>;
  /** Records passed over because they are none that could be decoded: the detector dead-letters those. */
  readonly skipped: number;
  /** Rows that ClickHouse refuses for good: sent to dead letters with reason `lineage_refused`. */
  readonly refused: number;
}

export interface LineageSink {
  status(): SinkStatus;
  /** Records that are in the log and not yet in ClickHouse. Throws where the log is away. */
  backlog(): Promise<number>;
  /** Resolves once all that was in the log when it was called is in ClickHouse; batches do not wait for company meanwhile. Waits for ever where ClickHouse is away. */
  drain(): Promise<void>;
  /** Finishes what ClickHouse takes at once, leaves the rest in the log, and gives the partitions up. Idempotent. */
  close(): Promise<void>;
}

const EVENTS: ReadonlySet<AnyRecord['name']> = new Set(['RunEvent', 'ToolCallEvent', 'RetrievalEvent', 'ClockTick']);
const ALERTS: ReadonlySet<AnyRecord['name']> = new Set(['Alert']);
const DEAD_LETTERS: ReadonlySet<AnyRecord['name']> = new Set(['DeadLetter']);

const POLL_MS = 20;
const MIB = 1 << 20;

/** Starts the sink. Resolves at once; where log or ClickHouse are away it waits for them, and `status` says so. */
export function createLineageSink({ client, ...options }: LineageSinkOptions): LineageSink {
  return startSink({ ...options, insert: (insert) => insertOnce(client, insert), wait: waitOnClock });
}

/** What the sink needs of the world: a simulation has another one. */
export interface SinkOptions extends Omit<LineageSinkOptions, 'client'> {
  readonly insert: InsertCall;
  readonly wait: Wait;
}

export function startSink(options: SinkOptions): LineageSink {
  const { log, group, topics, logger, clock = Date.now } = options;
  const closing = new AbortController();
  const inserted: Record<string, number> = {};
  let skipped = 0;
  let refused = 0;
  let healthy = true;
  let lastError: SinkStatus['lastError'];
  const limits = {
    maxRows: options.batch?.maxRows ?? 10_000,
    maxBytes: options.batch?.maxBytes ?? 8 * MIB,
    maxMs: options.batch?.maxMs ?? 500,
  };

  function onFailure(error: unknown): void {
    const code = errorCodeOf(error);
    if (healthy || lastError?.code !== code) logger?.warn({ code }, 'lineage waits');
    healthy = false;
    lastError = { code, at: clock() };
  }

  function onInserted(table: string, rows: number): void {
    if (!healthy) logger?.info({ table, rows }, 'lineage goes on');
    healthy = true;
    inserted[table] = (inserted[table] ?? 0) + rows;
  }

  const patience = { signal: closing.signal, wait: options.wait, onFailure };
  const together = new GroupInsert(limits, { ...patience, insert: options.insert }, ({ name }, rows, durationMs) => {
    onInserted(name, rows);
    options.onInsert?.({ table: name, rows, durationMs });
  });

  function writerOf(expect: ReadonlySet<AnyRecord['name']>, deadLetterTopic: string | undefined): PartitionWriter {
    return new PartitionWriter({
      codec: options.codec,
      group: together,
      logId: log.id,
      expect,
      deadLetterTopic,
      ...patience,
      heartbeatMs: options.heartbeatMs ?? 2_000,
      onSkipped(records) {
        skipped += records;
      },
      onRefused(rows) {
        refused += rows.length;
        logger?.warn(
          { rows: rows.length, code: rows[0]?.code },
          'ClickHouse refuses rows for good: they are dead letters now, or were ones and stay in the log alone',
        );
      },
    });
  }

  /** Consumes a topic until the sink closes: a subscription that fails is made anew. */
  async function consume(topic: string, expect: ReadonlySet<AnyRecord['name']>, deadLetterTopic?: string): Promise<void> {
    await untilDone(async () => {
      if (closing.signal.aborted) return;
      const writer = writerOf(expect, deadLetterTopic);
      const subscription = await log.subscribe(
        { topic, group, maxRecords: limits.maxRows, maxBytes: limits.maxBytes },
        (partition, batch) => writer.write(partition, batch),
      );
      await ended(subscription);
    }, patience);
  }

  async function ended(subscription: Subscription): Promise<void> {
    const close = () => void subscription.close();
    closing.signal.addEventListener('abort', close, { once: true });
    if (closing.signal.aborted) close();
    try {
      await subscription.done;
    } finally {
      closing.signal.removeEventListener('abort', close);
    }
  }

  const consuming = Promise.allSettled([
    consume(topics.events, EVENTS, topics.deadLetters),
    consume(topics.alerts, ALERTS, topics.deadLetters),
    consume(topics.deadLetters, DEAD_LETTERS),
  ]);

  const allTopics = Object.values(topics);

  return {
    status: () => ({ healthy, lastError, inserted: { ...inserted }, skipped, refused }),
    async backlog() {
      let records = 0;
      for (const topic of allTopics) {
        const [bounds, committed] = await Promise.all([log.bounds(topic), log.committed(topic, group)]);
        for (const [partition, { low, high }] of bounds.entries()) records += high - Math.max(committed[partition] ?? low, low);
      }
      return records;
    },
    async drain() {
      const targets = await Promise.all(allTopics.map(async (topic) => ({ topic, bounds: await log.bounds(topic) })));
      together.hurry();
      try {
        for (const { topic, bounds } of targets) {
          while (!reached(await log.committed(topic, group), bounds)) await delay(POLL_MS, undefined, { signal: closing.signal });
        }
      } finally {
        together.hurry(false);
      }
    },
    async close() {
      closing.abort();
      together.hurry();
      await consuming;
    },
  };
}

function reached(committed: readonly (number | undefined)[], bounds: readonly { readonly low: number; readonly high: number }[]): boolean {
  return bounds.every(({ low, high }, partition) => high === low || (committed[partition] ?? low) >= high);
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaConfig } from 'kafkajs';
import { LogError } from '../errors.ts';
import type { LogRecord, TailOptions } from '../port.ts';
import { Connection } from './connection.ts';
import { kindOf, partitionOutOfRange } from './faults.ts';
import { type Chunk, fetchChunks } from './fetch.ts';
import { type Bounds, boundsOf } from './positions.ts';

const waitMs = 200;

export interface Cursor {
  readonly partition: number;
  next: number;
  /** Where it ends: the end when the call was made. Infinite for one that follows. */
  readonly end: number;
}

export function cursorsOf(bounds: ReadonlyMap<number, Bounds>, { from = 'start', follow = false, partition: only }: TailOptions): Cursor[] {
  const wanted = [...bounds].filter(([partition]) => only === undefined || partition === only);
  return wanted.map(([partition, { low, high }]) => {
    const asked = from === 'end' ? high : from === 'start' ? low : (from.get(partition) ?? low);
    return { partition, next: Math.min(Math.max(asked, low), high), end: follow ? Number.POSITIVE_INFINITY : high };
  });
}

/** Reads from `cursors` on, by fetches without a group. `closed` aborts when the log is closed under it. */
export async function* read(
  settings: KafkaConfig,
  topic: string,
  starts: Promise<readonly Cursor[]>,
  { signal, closed }: { readonly signal: AbortSignal | undefined; readonly closed: AbortSignal },
): AsyncGenerator<LogRecord> {
  const connection = new Connection(settings);
  const aborted = () => signal?.aborted === true;
  try {
    const cursors = (await starts).map((cursor) => ({ ...cursor }));
    for (;;) {
      const open = cursors.filter(({ next, end }) => next < end);
      if (open.length === 0 || aborted()) return;
      const chunks = await interrupted(fetchAll(connection, topic, open), [signal, closed]);
      for (const cursor of open) {
        const chunk = chunks?.get(cursor.partition);
        for (const record of chunk?.records ?? []) {
          if (closed.aborted) throw new LogError('closed', `The log was closed while topic ${topic} was being read: what came is not all.`);
          if (aborted() || record.offset >= cursor.end) break;
          yield record;
        }
        cursor.next = chunk?.to ?? cursor.next;
      }
      if (closed.aborted) throw new LogError('closed', `The log was closed while topic ${topic} was being read: what came is not all.`);
    }
  } finally {
    await connection.close();
  }
}

/** One fetch from each broker that leads some of the partitions. */
async function fetchAll(connection: Connection, topic: string, cursors: readonly Cursor[]): Promise<ReadonlyMap<number, Chunk>> {
  try {
    return await connection.run(`Records of topic ${topic}`, async (cluster) => {
      await cluster.addTargetTopic(topic);
      await cluster.refreshMetadataIfNecessary();
      const leaders = cluster.findLeaderForPartitions(
        topic,
        cursors.map(({ partition }) => partition),
      );
      const parts = await Promise.all(
        Object.entries(leaders).map(async ([nodeId, partitions]) => {
          const positions = new Map(
            cursors.filter(({ partition }) => partitions.includes(partition)).map(({ partition, next }) => [partition, next]),
          );
          return fetchChunks(await cluster.findBroker({ nodeId }), topic, positions, waitMs);
        }),
      );
      return new Map(parts.flatMap((part) => [...part]));
    });
  } catch (error) {
    const cursor = kindOf(error) === 'out_of_range' ? cursors.find(({ partition }) => partition === partitionOutOfRange(error)) : undefined;
    if (cursor === undefined) throw error;
    // Retention went past it.
    const { low, high } = (await boundsOf(connection, topic, [cursor.partition])).get(cursor.partition) ?? { low: 0, high: 0 };
    cursor.next = Math.min(Math.max(cursor.next, low), high);
    return new Map();
  }
}

/** The work's answer, or undefined as soon as a signal aborts: what it still brings is of no use then. */
async function interrupted<T>(work: Promise<T>, signals: readonly (AbortSignal | undefined)[]): Promise<T | undefined> {
  work.catch(() => undefined);
  const given = signals.filter((signal) => signal !== undefined);
  if (given.some((signal) => signal.aborted)) return undefined;
  const ending = new AbortController();
  try {
    const any = AbortSignal.any(given);
    const interruption = sleep(2 ** 31 - 1, undefined, { signal: AbortSignal.any([any, ending.signal]), ref: false }).catch(
      () => undefined,
    );
    return await Promise.race([work, interruption]);
  } finally {
    ending.abort();
  }
}

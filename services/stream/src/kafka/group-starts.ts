import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import { toLogError } from './faults.ts';
import { committedOf } from './positions.ts';
import type { Producers } from './producers.ts';
import { moveOffsets } from './transactions.ts';

export interface StartMeans {
  readonly connection: Connection;
  readonly producers: Producers;
  readonly partitionsOf: (topic: string) => Promise<number>;
}

/**
 * Commits offset 0 for groups of topics that were just created. By a transaction: a plain commit of somebody who is no member is refused while a group
 * has members, as it has that reads other topics too.
 */
export async function startAtZero(means: StartMeans, starts: readonly { readonly topic: string; readonly group: string }[]): Promise<void> {
  if (starts.length === 0) return;
  const counts = new Map<string, number>();
  for (const { topic } of starts) counts.set(topic, await means.partitionsOf(topic));
  const numbers = (topic: string) => Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => partition);
  const producer = means.producers.transactional(`idemtrace/starts/${randomUUID()}`);
  try {
    await producer.connect();
    const transaction = await producer.transaction();
    for (const [group, ofGroup] of Map.groupBy(starts, (start) => start.group)) {
      const topics = ofGroup.map(({ topic }) => ({ topic, partitions: numbers(topic).map((partition) => ({ partition, next: 0 })) }));
      await moveOffsets(transaction, group, topics);
    }
    await transaction.commit();
  } catch (error) {
    throw toLogError(error, 'The topics were created, but offset 0 was not committed for their groups');
  } finally {
    await producer.disconnect().catch(() => undefined);
  }
  // The commit is answered before the coordinator of the group knows of it.
  for (const { topic, group } of starts) {
    while ((await committedOf(means.connection, group, topic, numbers(topic))).size < (counts.get(topic) ?? 0)) await sleep(5);
  }
}

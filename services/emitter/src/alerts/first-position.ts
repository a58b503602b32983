import { setTimeout as sleep } from 'node:timers/promises';
import { LogError } from '@idemtrace/stream';
import { boundsOf, type Connection, committedOf } from '@idemtrace/stream/kafka';
import { IdemtraceError } from '../errors.ts';

export interface Placement {
  readonly topic: string;
  readonly group: string;
  readonly partitions: readonly number[];
  readonly from: 'latest' | 'earliest';
}

/** Tries, and the pause between them in ms, while other members of the group come and go. */
const ATTEMPTS = 50;
const PAUSE_MS = 100;

/**
 * Commits where a new group starts, before it has members. Left to the first fetch, a start at the end would not be remembered: what was
 * published while the subscriber was away would be passed over after a restart. The broker takes such a commit only while the group has no member:
 * so none can undo what a subscriber of the same group has done since. Throws a LogError where the cluster cannot be asked.
 */
export async function placeGroup(connection: Connection, { topic, group, partitions, from }: Placement): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const committed = await committedOf(connection, group, topic, partitions).catch((error) => {
      throw explained(error, group);
    });
    const open = partitions.filter((partition) => !committed.has(partition));
    if (open.length === 0) return;
    const bounds = await boundsOf(connection, topic, open);
    const offsetOf = (partition: number) => (from === 'latest' ? bounds.get(partition)?.high : bounds.get(partition)?.low) ?? 0;
    const offsets = open.map((partition) => ({ partition, offset: String(offsetOf(partition)), metadata: null }));
    try {
      await connection.run(`Offsets of group ${group}`, async (cluster) =>
        (await cluster.findGroupCoordinator({ groupId: group })).offsetCommit({
          groupId: group,
          memberId: '',
          groupGenerationId: -1,
          topics: [{ topic, partitions: offsets }],
        }),
      );
      return;
    } catch (error) {
      if (!(error instanceof LogError && error.code === 'fenced')) throw error;
      await sleep(PAUSE_MS);
    }
  }
  throw new IdemtraceError('invalid_option', `group ${group} has members that are no subscribers to alerts: choose another name`);
}

/** The cluster has just answered for the topic: who is refused the group hears from kafkajs only that its coordinator was not found. */
function explained(error: unknown, group: string): unknown {
  if (!(error instanceof LogError && error.code === 'log_away')) return error;
  return new LogError('log_away', `${error.message} Or this user may not read group ${group}: kafkajs does not tell.`, { cause: error });
}

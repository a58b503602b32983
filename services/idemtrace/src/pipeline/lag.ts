import type { EventLog } from '@idemtrace/stream';

/** Records that a group has not committed yet, by partition. What retention has deleted is not waited for. */
export async function lagByPartition(log: EventLog, topic: string, group: string): Promise<readonly number[]> {
  const [bounds, committed] = await Promise.all([log.bounds(topic), log.committed(topic, group)]);
  return bounds.map(({ low, high }, partition) => high - Math.max(low, committed[partition] ?? low));
}

/** The same of all partitions together. */
export async function lagOf(log: EventLog, topic: string, group: string): Promise<number> {
  return (await lagByPartition(log, topic, group)).reduce((sum, lag) => sum + lag, 0);
}

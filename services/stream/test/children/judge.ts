import type { EventLog, Subscription } from '../../src/port.ts';

export const recordsPerBatch = 12;

/** Member of the one group on `in`: publishes the position of every record to `out`, and gives up what it lost to another member. */
export async function subscribeJudge(log: EventLog): Promise<Subscription> {
  const generations = new Map<number, number>();
  return log.subscribe({ topic: 'in', group: 'judge', maxRecords: 20 }, async (partition, batch) => {
    if (generations.get(partition.partition) !== partition.generation) {
      try {
        const { committed, low } = await partition.takeOver();
        generations.set(partition.partition, partition.generation);
        partition.seek(committed ?? low);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'fenced')) throw error;
      }
      return;
    }
    const outputs = batch.records.map((record) => ({
      topic: 'out',
      key: null,
      value: Buffer.from(`${record.partition}/${record.offset}`),
    }));
    const result = await partition.commit(batch.to, outputs);
    if (result === 'inDoubt') generations.delete(partition.partition);
  });
}

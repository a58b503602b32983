/** Outputs and offset as one. */
import { describe, expect, test } from 'vitest';
import type { BatchHandler } from '../../src/port.ts';
import { all, allOnceThere, eventually, numbered, owning, type Scene, text, to, unique } from './scene.ts';

export function commitsConformance({ withTopic, start }: Scene): void {
  describe('commit', () => {
    test('W4: a commit moves the offset and publishes its outputs in the partition of the same number', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(3, group);
      const outputs = unique('outputs');
      await log.createTopics([{ name: outputs, partitions: 3 }]);
      await log.append(
        topic,
        [0, 1, 2].flatMap((partition) => to(partition, numbered(4, `${partition}-`))),
      );
      const handler: BatchHandler = async (partition, batch) => {
        const made = batch.records.map((record) => ({
          topic: outputs,
          key: 'one key for all',
          value: Buffer.from(`of ${text(record)}`),
          headers: { from: Buffer.from(String(record.offset)) },
        }));
        expect(await partition.commit(batch.to, made)).toBe('committed');
      };
      const subscription = await start(log, topic, group, owning(handler), { maxRecords: 3 });
      await eventually(async () => expect(await log.committed(topic, group)).toEqual([4, 4, 4]));
      await subscription.close();
      const published = await allOnceThere(log, outputs, 12);
      for (const partition of [0, 1, 2]) {
        const values = published.filter((record) => record.partition === partition).map(text);
        expect(values).toEqual(numbered(4, `of ${partition}-`));
      }
      expect(published.map(({ headers }) => Number(headers.from))).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
    });

    test('a batch without outputs commits its offset, and a commit may go backwards', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(1, group);
      await log.append(topic, to(0, numbered(3)));
      const results: string[] = [];
      await start(
        log,
        topic,
        group,
        owning(async (partition, batch) => {
          results.push(await partition.commit(batch.to, []));
          results.push(await partition.commit(1, []));
        }),
      );
      await eventually(() => expect(results).toEqual(['committed', 'committed']));
      await eventually(async () => expect(await log.committed(topic, group)).toEqual([1]));
    });

    test('an output that has nowhere to go fails the commit, and leaves nothing behind', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(2, group);
      const narrow = unique('narrow');
      await log.createTopics([{ name: narrow, partitions: 1 }]);
      await log.append(topic, to(1, ['one']));
      const faults: unknown[] = [];
      await start(
        log,
        topic,
        group,
        owning(async (partition, batch) => {
          for (const output of [narrow, unique('absent')]) {
            await partition
              .commit(batch.to, [{ topic: output, key: null, value: Buffer.from('lost') }])
              .catch((error) => faults.push(error));
          }
        }),
      );
      await eventually(() => expect(faults).toMatchObject([{ code: 'partition_mismatch' }, { code: 'unknown_topic' }]));
      expect(await log.committed(topic, group)).toEqual([0, 0]);
      expect(await all(log, narrow)).toEqual([]);
    });

    test('a commit before the take-over of its generation is refused', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(1, group);
      await log.append(topic, to(0, ['one']));
      const subscription = await start(log, topic, group, async (partition, batch) => void (await partition.commit(batch.to, [])));
      await expect(subscription.done).rejects.toThrow();
      expect(await log.committed(topic, group)).toEqual([0]);
    });

    test('a handler that throws ends the subscription with its error, and nothing is committed', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(1, group);
      await log.append(topic, to(0, numbered(3)));
      const fault = new Error('cannot judge');
      const subscription = await start(
        log,
        topic,
        group,
        owning(async () => {
          throw fault;
        }),
      );
      await expect(subscription.done).rejects.toBe(fault);
      await subscription.close();
      expect(await log.committed(topic, group)).toEqual([0]);
      const seen: string[] = [];
      await start(
        log,
        topic,
        group,
        owning(async (_, batch) => void seen.push(...batch.records.map(text))),
      );
      await eventually(() => expect(seen).toEqual(numbered(3)));
    });
  });
}

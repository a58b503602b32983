/** Closing subscriptions and logs. */
import { describe, expect, test } from 'vitest';
import { all, gate, owning, type Scene, text, to, unique } from './scene.ts';

export function closingConformance({ open, withTopic, start }: Scene): void {
  describe('close', () => {
    test('closing a subscription finishes the batch under way; closing again does nothing', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(1, group);
      await log.append(topic, to(0, ['one']));
      const [reached, hold] = [gate(), gate()];
      const order: string[] = [];
      const subscription = await start(
        log,
        topic,
        group,
        owning(async (partition, batch) => {
          reached.open();
          await hold.passed;
          order.push(await partition.commit(batch.to, []));
        }),
      );
      await reached.passed;
      const closing = subscription.close().then(() => order.push('closed'));
      hold.open();
      await closing;
      await subscription.close();
      await subscription.done;
      expect(order).toEqual(['committed', 'closed']);
      expect(await log.committed(topic, group)).toEqual([1]);
    });

    test('closing the log finishes batches, then refuses every call as closed; closing again does nothing', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(1, group);
      const other = await open();
      await log.append(topic, to(0, ['one']));
      const [reached, hold] = [gate(), gate()];
      await start(
        log,
        topic,
        group,
        owning(async (partition, batch) => {
          reached.open();
          await hold.passed;
          await partition.commit(batch.to, []);
        }),
      );
      await reached.passed;
      const closing = log.close();
      hold.open();
      await closing;
      await log.close();
      const closed = { name: 'LogError', code: 'closed' };
      await expect(log.append(topic, to(0, ['lost']))).rejects.toMatchObject(closed);
      await expect(log.bounds(topic)).rejects.toMatchObject(closed);
      await expect(all(log, topic)).rejects.toMatchObject(closed);
      await expect(log.subscribe({ topic, group }, async () => undefined)).rejects.toMatchObject(closed);
      expect(await other.committed(topic, group)).toEqual([1]);
      expect((await all(other, topic)).map(text)).toEqual(['one']);
    });
  });
}

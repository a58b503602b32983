/** Batches of a group: their limits, their order, seeks, offsets of times. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { BatchHandler, TakeOver } from '../../src/port.ts';
import { all, eventually, numbered, owning, type Scene, text, to, unique } from './scene.ts';

export function consumingConformance({ open, withTopic, start }: Scene): void {
  describe('consume', () => {
    test('batches keep the limits, follow each other without a hole, and hold each record once', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(1, group);
      const values = numbered(50);
      await log.append(topic, to(0, values));
      const batches: { from: number; to: number; values: string[] }[] = [];
      const handler: BatchHandler = async (_, batch) =>
        void batches.push({ from: batch.from, to: batch.to, values: batch.records.map(text) });
      await start(log, topic, group, owning(handler), { maxRecords: 7 });
      await eventually(() => expect(batches.flatMap((batch) => batch.values)).toEqual(values));
      expect(batches.every((batch) => batch.values.length <= 7)).toBe(true);
      for (const [index, batch] of batches.entries()) expect(batch.from).toBe(batches[index - 1]?.to ?? 0);
    });

    test('a batch keeps to its bytes, and a larger record is handed on alone', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(1, group);
      await log.append(topic, to(0, [...numbered(6).map((value) => value.repeat(500)), 'x'.repeat(9000), 'end']));
      const sizes: number[][] = [];
      const handler: BatchHandler = async (_, batch) => void sizes.push(batch.records.map((record) => record.value?.length ?? 0));
      await start(log, topic, group, owning(handler), { maxBytes: 2500 });
      await eventually(() => expect(sizes.flat()).toHaveLength(8));
      for (const batch of sizes) expect(batch.length === 1 || batch.reduce((sum, size) => sum + size, 0) <= 2500).toBe(true);
      expect(sizes).toContainEqual([9000]);
    });

    test('records that come later are handed on, from whichever instance', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(2, group);
      const other = await open();
      const seen: string[] = [];
      await start(
        log,
        topic,
        group,
        owning(async (_, batch) => void seen.push(...batch.records.map(text))),
      );
      await log.append(topic, to(0, ['own']));
      await eventually(() => expect(seen).toEqual(['own']));
      await other.append(topic, to(1, ['other']));
      await eventually(() => expect(seen).toEqual(['own', 'other']));
    });

    test('a seek backwards hands records on again, a seek forwards leaves some out', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(1, group);
      await log.append(topic, to(0, numbered(10)));
      const seen: string[] = [];
      const targets = [2, 8];
      const handler: BatchHandler = async (partition, batch) => {
        seen.push(...batch.records.map(text));
        const target = seen.length % 3 === 0 ? targets.shift() : undefined;
        if (target !== undefined) partition.seek(target);
      };
      await start(log, topic, group, owning(handler), { maxRecords: 3 });
      await eventually(() => expect(seen.slice(-1)).toEqual(['v9']));
      expect(seen).toEqual(['v0', 'v1', 'v2', 'v2', 'v3', 'v4', 'v8', 'v9']);
    });

    test('a seek goes no further than what the log holds', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(1, group);
      await log.append(topic, to(0, numbered(4)));
      const froms: number[] = [];
      const targets = [1_000_000, -5];
      const handler: BatchHandler = async (partition, batch) => {
        froms.push(batch.from);
        const target = targets.shift();
        if (target !== undefined) partition.seek(target);
      };
      await start(log, topic, group, owning(handler));
      await eventually(() => expect(froms).toEqual([0]));
      await log.append(topic, to(0, ['next']));
      await eventually(() => expect(froms).toEqual([0, 4, 0]));
    });

    test('offsetAt is the first record at or after a log time', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(1, group);
      for (let round = 0; round < 3; round++) {
        await log.append(topic, to(0, numbered(3)));
        await sleep(15);
      }
      const times = (await all(log, topic)).map(({ logTime }) => logTime);
      const asked = [0, ...times, (times.at(-1) ?? 0) + 1];
      const answers: number[] = [];
      await start(log, topic, group, async (partition) => {
        for (const time of asked) answers[asked.indexOf(time)] ??= await partition.offsetAt(time);
      });
      const expected = asked.map((time) => {
        const index = times.findIndex((other) => other >= time);
        return index === -1 ? times.length : index;
      });
      await eventually(() => expect(asked.map((time) => answers[asked.indexOf(time)])).toEqual(expected));
    });

    test('offsetsAt says the same of every partition, to whoever reads without a group', async () => {
      const { log, topic } = await withTopic(3);
      for (let round = 0; round < 3; round++) {
        await log.append(topic, [...to(0, numbered(3)), ...to(2, numbered(round))]);
        await sleep(15);
      }
      const times = (await all(log, topic)).map(({ partition, logTime }) => [partition, logTime] as const);
      for (const asked of [0, 0.5, ...new Set(times.map(([, time]) => time)), Math.max(...times.map(([, time]) => time)) + 1]) {
        const expected = [0, 1, 2].map((partition) => times.filter(([of, time]) => of === partition && time < asked).length);
        expect(await log.offsetsAt(topic, asked)).toEqual(expected);
      }
      await expect(log.offsetsAt(unique('none'), 0)).rejects.toMatchObject({ code: 'unknown_topic' });
    });

    test('the first batch of a group that never committed starts at the first record held', async () => {
      const { log, topic } = await withTopic(1);
      await log.append(topic, to(0, ['first', 'second']));
      const takeOvers: TakeOver[] = [];
      const firsts: string[] = [];
      await start(log, topic, unique('group'), async (partition, batch) => {
        firsts.push(...batch.records.map(text));
        takeOvers.push(await partition.takeOver());
      });
      await eventually(() => expect(takeOvers).toEqual([{ committed: undefined, low: 0, high: 2 }]));
      expect(firsts[0]).toBe('first');
    });
  });
}

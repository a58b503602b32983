/** Who owns a partition, and what of an earlier owner is refused. */
import { describe, expect, test } from 'vitest';
import { all, allOnceThere, eventually, gate, numbered, owning, type Scene, text, to, unique } from './scene.ts';

export function ownersConformance({ open, withTopic, start }: Scene): void {
  describe('owners', () => {
    test('W1, W4: an owner that fell silent is fenced by the next one: nothing of its late commit is ever visible', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(1, group);
      const other = await open();
      const outputs = unique('outputs');
      await log.createTopics([{ name: outputs, partitions: 1 }], [{ topic: outputs, group }]);
      await log.append(topic, to(0, numbered(3)));
      const delivered: string[] = [];
      await start(
        other,
        outputs,
        group,
        owning(async (_, batch) => void delivered.push(...batch.records.map(text))),
      );
      const output = (value: string) => [{ topic: outputs, key: null, value: Buffer.from(value) }];

      const [reached, silent] = [gate(), gate()];
      const late: unknown[] = [];
      await start(
        log,
        topic,
        group,
        owning(async (partition, batch) => {
          reached.open();
          await silent.passed;
          late.push(await partition.commit(batch.to, output('of the fenced owner')));
          late.push(
            await partition.heartbeat().then(
              () => 'owner',
              () => 'lost',
            ),
          );
        }),
      );
      await reached.passed;
      const results: string[] = [];
      await start(
        other,
        topic,
        group,
        owning(async (partition, batch) => {
          results.push(await partition.commit(batch.to, output('of the new owner')));
        }),
      );
      await eventually(() => expect(results).toEqual(['committed']));
      silent.open();
      await eventually(() => expect(late).toEqual(['fenced', 'lost']));
      await eventually(() => expect(delivered).toEqual(['of the new owner']));
      expect((await all(log, outputs)).map(text)).toEqual(['of the new owner']);
      await eventually(async () => expect(await log.committed(topic, group)).toEqual([3]));
    });

    test('a member that lost its partition in the middle of a batch works on, and may get it back', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(1, group);
      const other = await open();
      await log.append(topic, to(0, ['one']));
      const [reached, silent] = [gate(), gate()];
      const committed: string[] = [];
      const judge = (who: string) =>
        owning(async (partition, batch) => {
          if (who === 'first' && committed.length === 0) {
            reached.open();
            await silent.passed;
            await partition.heartbeat();
          }
          if ((await partition.commit(batch.to, [])) === 'committed')
            committed.push(...batch.records.map((record) => `${who}: ${text(record)}`));
        });
      const first = await start(log, topic, group, judge('first'));
      await reached.passed;
      const second = await start(other, topic, group, judge('second'));
      await eventually(() => expect(committed).toEqual(['second: one']));
      silent.open();
      await second.close();
      await log.append(topic, to(0, ['two']));
      await eventually(() => expect(committed).toEqual(['second: one', 'first: two']));
      await first.close();
      await first.done;
    });

    test('two members share the partitions; when one leaves, the other goes on from what was committed, in a later generation', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(4, group);
      const other = await open();
      const outputs = unique('outputs');
      await log.createTopics([{ name: outputs, partitions: 4 }]);
      const seen = new Map<string, Map<number, number[]>>([
        ['first', new Map()],
        ['second', new Map()],
      ]);
      const member = (who: string) =>
        owning(async (partition, batch) => {
          const made = batch.records.map((record) => ({ topic: outputs, key: null, value: Buffer.from(text(record)) }));
          if ((await partition.commit(batch.to, made)) !== 'committed') return;
          const generations = seen.get(who)?.get(partition.partition) ?? [];
          seen.get(who)?.set(partition.partition, [...generations, partition.generation]);
        });
      const partitionsOf = (who: string) => [...(seen.get(who)?.keys() ?? [])];
      let sent = 0;
      const sendRound = () =>
        log.append(
          topic,
          [0, 1, 2, 3].flatMap((partition) => to(partition, [`${sent++}`])),
        );

      await start(log, topic, group, member('first'));
      await sendRound();
      await eventually(() => expect(partitionsOf('first').sort()).toEqual([0, 1, 2, 3]));
      const second = await start(other, topic, group, member('second'));
      await eventually(async () => {
        await sendRound();
        expect(partitionsOf('second')).toHaveLength(2);
      });
      await second.close();
      const passed = partitionsOf('second');
      const before = new Map(passed.map((partition) => [partition, seen.get('first')?.get(partition)?.at(-1) ?? 0]));
      await sendRound();
      await eventually(async () => {
        const ends = (await log.bounds(topic)).map(({ high }) => high);
        expect(await log.committed(topic, group)).toEqual(ends);
      });
      for (const partition of passed) expect(seen.get('first')?.get(partition)?.at(-1)).toBeGreaterThan(before.get(partition) ?? 0);
      const values = (await allOnceThere(log, outputs, sent)).map((record) => Number(text(record)));
      expect(values.sort((left, right) => left - right)).toEqual(Array.from({ length: sent }, (_, n) => n));
    });
  });
}

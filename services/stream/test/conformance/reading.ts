/** Topics, appends, and reading without a group. */
import { describe, expect, test } from 'vitest';
import { all, eventually, numbered, type Scene, text, to, unique } from './scene.ts';

export function readingConformance({ open, withTopic }: Scene): void {
  describe('topics', () => {
    test('instances on one log share its identity', async () => {
      const [first, second] = [await open(), await open()];
      expect(first.id).not.toBe('');
      expect(second.id).toBe(first.id);
    });

    test('creating topics again changes nothing, and another number of partitions is refused by both numbers', async () => {
      const { log, topic } = await withTopic(3);
      await log.append(topic, to(1, ['kept']));
      await log.createTopics([{ name: topic, partitions: 3 }]);
      expect(await log.partitionsOf(topic)).toBe(3);
      expect((await all(log, topic)).map(text)).toEqual(['kept']);
      const refused = log.createTopics([{ name: topic, partitions: 5 }]);
      await expect(refused).rejects.toMatchObject({ name: 'LogError', code: 'partition_mismatch' });
      await expect(refused).rejects.toThrow(/3.*5/);
      expect(await log.partitionsOf(topic)).toBe(3);
    });

    test('a group starts at offset 0 of a topic created with it, and nowhere on a topic that was there before', async () => {
      const group = unique('group');
      const { log, topic } = await withTopic(2, group);
      expect(await log.committed(topic, group)).toEqual([0, 0]);
      const later = unique('group');
      await log.createTopics([{ name: topic, partitions: 2 }], [{ topic, group: later }]);
      expect(await log.committed(topic, later)).toEqual([undefined, undefined]);
      expect(await log.committed(topic, group)).toEqual([0, 0]);
    });

    test('a topic that is not there is named by every call that needs it', async () => {
      const log = await open();
      const topic = unique('absent');
      const unknown = { name: 'LogError', code: 'unknown_topic', message: expect.stringContaining(topic) };
      await expect(log.partitionsOf(topic)).rejects.toMatchObject(unknown);
      await expect(log.bounds(topic)).rejects.toMatchObject(unknown);
      await expect(log.append(topic, to(0, ['lost']))).rejects.toMatchObject(unknown);
      await expect(all(log, topic)).rejects.toMatchObject(unknown);
      await expect(log.subscribe({ topic, group: unique('group') }, async () => undefined)).rejects.toMatchObject(unknown);
    });
  });

  describe('append', () => {
    test('positions come in the order of the records, and each partition is read in order', async () => {
      const { log, topic } = await withTopic(3);
      const values = numbered(300);
      const positions = await log.append(
        topic,
        values.map((value, n) => ({ key: `key-${n % 17}`, value: Buffer.from(value) })),
      );
      const records = await all(log, topic);
      const read = new Map(records.map((record) => [`${record.partition}/${record.offset}`, text(record)]));
      expect(positions.map(({ partition, offset }) => read.get(`${partition}/${offset}`))).toEqual(values);
      for (const partition of [0, 1, 2]) {
        const offsets = records.filter((record) => record.partition === partition).map(({ offset }) => offset);
        expect(offsets).toEqual([...new Set(offsets)].sort((left, right) => left - right));
      }
    });

    test('a key stays in its partition, whoever appends and whether it comes as text or bytes', async () => {
      const { log, topic } = await withTopic(6);
      const other = await open();
      const [first] = await log.append(topic, [{ key: 'tenant/workflow', value: Buffer.from('a') }]);
      const [second] = await other.append(topic, [{ key: Buffer.from('tenant/workflow'), value: Buffer.from('b') }]);
      expect(second?.partition).toBe(first?.partition);
      // murmur2('foobar') with its sign bit cleared is 1357151166.
      const [known] = await log.append(topic, [{ key: 'foobar', value: Buffer.from('c') }]);
      expect(known?.partition).toBe(1357151166 % 6);
    });

    test('log time never falls within a partition', async () => {
      const { log, topic } = await withTopic(2);
      const other = await open();
      for (let round = 0; round < 5; round++) {
        for (const instance of [log, other]) await instance.append(topic, [...to(0, ['a', 'b']), ...to(1, ['c'])]);
      }
      const records = await all(log, topic);
      expect(records).toHaveLength(30);
      for (const partition of [0, 1]) {
        const times = records.filter((record) => record.partition === partition).map(({ logTime }) => logTime);
        expect(times.every(Number.isInteger)).toBe(true);
        expect(times).toEqual([...times].sort((left, right) => left - right));
      }
    });

    test('an append that is refused leaves nothing behind', async () => {
      const { log, topic } = await withTopic(2);
      await log.append(topic, to(0, ['before']));
      const before = await log.bounds(topic);
      await expect(log.append(topic, [...to(0, numbered(5)), ...to(7, ['nowhere'])])).rejects.toThrow();
      const large = { key: 'large', value: Buffer.alloc(20 * 1024 * 1024) };
      await expect(log.append(topic, [...to(1, numbered(5)), large])).rejects.toMatchObject({ code: 'record_too_large' });
      expect(await log.bounds(topic)).toEqual(before);
      expect((await all(log, topic)).map(text)).toEqual(['before']);
    });

    test('keys, headers, empty values and every byte come back as they went in', async () => {
      const { log, topic } = await withTopic(1);
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
      const headers = { traceparent: Buffer.from('00-ab'), ключ: bytes, empty: Buffer.alloc(0) };
      await log.append(topic, [
        { key: bytes, value: bytes, headers },
        { key: null, value: Buffer.alloc(0) },
        { key: 'text ü', value: Buffer.from('x') },
      ]);
      const [first, second, third] = await all(log, topic);
      expect(first).toMatchObject({ topic, partition: 0, offset: 0, key: bytes, value: bytes });
      expect(Object.fromEntries(Object.entries(first?.headers ?? {}).map(([key, value]) => [key, value.toString('hex')]))).toEqual({
        traceparent: headers.traceparent.toString('hex'),
        ключ: bytes.toString('hex'),
        empty: '',
      });
      expect(second?.key).toBeNull();
      expect(second?.value).toHaveLength(0);
      expect(Object.keys(second?.headers ?? { none: 0 })).toEqual([]);
      expect(String(third?.key)).toBe('text ü');
    });

    test('a record of 900 kB comes back whole', async () => {
      const { log, topic } = await withTopic(1);
      const value = Buffer.alloc(900_000, 'large');
      await log.append(topic, [{ key: 'large', value }]);
      const [record] = await all(log, topic);
      expect(record?.value?.equals(value)).toBe(true);
    });

    test('bounds are the first record held and the next to come', async () => {
      const { log, topic } = await withTopic(2);
      expect(await log.bounds(topic)).toEqual([
        { low: 0, high: 0 },
        { low: 0, high: 0 },
      ]);
      const positions = await log.append(topic, to(1, numbered(3)));
      expect(positions.map(({ offset }) => offset)).toEqual([0, 1, 2]);
      expect(await (await open()).bounds(topic)).toEqual([
        { low: 0, high: 0 },
        { low: 0, high: 3 },
      ]);
    });
  });

  describe('tail', () => {
    test('without follow it ends where the end was when it was called', async () => {
      const { log, topic } = await withTopic(2);
      await log.append(topic, [...to(0, ['a', 'b']), ...to(1, ['c'])]);
      const records: string[] = [];
      for await (const record of log.tail(topic)) {
        records.push(text(record));
        if (records.length < 3) await log.append(topic, to(1, ['later']));
      }
      expect(records.sort()).toEqual(['a', 'b', 'c']);
      expect(await all(log, topic, { from: 'end' })).toEqual([]);
    });

    test('it starts where it is told to, within what the log holds', async () => {
      const { log, topic } = await withTopic(2);
      await log.append(topic, [...to(0, numbered(5, 'a')), ...to(1, numbered(5, 'b'))]);
      const from = new Map([
        [0, 3],
        [1, 99],
      ]);
      expect((await all(log, topic, { from })).map(text)).toEqual(['a3', 'a4']);
      expect((await all(log, topic, { from: new Map([[0, 5]]) })).map(text)).toEqual(numbered(5, 'b'));
      expect((await all(log, topic, { partition: 1, from: new Map([[1, 4]]) })).map(text)).toEqual(['b4']);
    });

    test('with follow it goes on with what other instances append, until it is told to end', async () => {
      const { log, topic } = await withTopic(2);
      const other = await open();
      await log.append(topic, to(0, ['before']));
      const ending = new AbortController();
      const fromStart: string[] = [];
      const following = (async () => {
        for await (const record of log.tail(topic, { follow: true, signal: ending.signal })) fromStart.push(text(record));
      })();
      await eventually(() => expect(fromStart).toEqual(['before']));
      await other.append(topic, to(1, ['elsewhere']));
      await eventually(() => expect(fromStart).toHaveLength(2));
      await log.append(topic, to(0, ['here']));
      await eventually(() => expect(fromStart).toHaveLength(3));
      ending.abort();
      await following;
      expect(fromStart.sort()).toEqual(['before', 'elsewhere', 'here']);
    });

    test('a closed log under it is not taken for the end', async () => {
      const { log, topic } = await withTopic(1);
      await log.append(topic, to(0, ['one']));
      const reading = (async () => {
        for await (const _ of log.tail(topic, { follow: true })) void log.close();
      })();
      await expect(reading).rejects.toMatchObject({ code: 'closed' });
    });
  });
}

/** What every adapter of the event-log port owes. It asks nothing of timing but that a cluster may take its time. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { BatchHandler, EventLog, LogRecord, Subscription, TakeOver } from '../src/port.ts';

/** One log for a suite. `open` may be called several times: instances on the same log, as separate processes would have. */
export interface LogUnderTest {
  open(): Promise<EventLog>;
  dispose(): Promise<void>;
}

const patience = { timeout: 45_000, interval: 20 } as const;

const eventually = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, patience);
const unique = (name: string): string => `${name}-${randomUUID()}`;
const numbered = (count: number, prefix = 'v') => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
const to = (partition: number, values: readonly string[]) => values.map((value) => ({ key: null, value: Buffer.from(value), partition }));
const text = (record: LogRecord): string => String(record.value);

/** All of a topic once there are so many: a cluster answers a commit before readers of each partition see it, and shows partitions one by one. */
async function allOnceThere(log: EventLog, topic: string, count: number): Promise<LogRecord[]> {
  return eventually(async () => {
    const records = await all(log, topic);
    expect(records.length).toBeGreaterThanOrEqual(count);
    return records;
  });
}

async function all(log: EventLog, topic: string, options = {}): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of log.tail(topic, options)) records.push(record);
  return records;
}

/** A handler as the port asks for it: takes over in the first batch of a generation, seeks to the group's offset, and starts from there. */
function owning(work: BatchHandler, seen: (takeOver: TakeOver) => void = () => undefined): BatchHandler {
  const generations = new Map<number, number>();
  return async (partition, batch) => {
    if (generations.get(partition.partition) === partition.generation) return work(partition, batch);
    const takeOver = await partition.takeOver();
    seen(takeOver);
    generations.set(partition.partition, partition.generation);
    partition.seek(takeOver.committed ?? takeOver.low);
  };
}

function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, passed: promise };
}

export function eventLogConformance(name: string, create: () => Promise<LogUnderTest>): void {
  describe(`event log: ${name}`, () => {
    let underTest: LogUnderTest;
    const opened: EventLog[] = [];

    beforeAll(async () => {
      underTest = await create();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((log) => log.close()));
    });
    afterAll(async () => {
      await underTest.dispose();
    });

    async function open(): Promise<EventLog> {
      const log = await underTest.open();
      opened.push(log);
      return log;
    }

    async function withTopic(partitions: number, group?: string): Promise<{ log: EventLog; topic: string }> {
      const log = await open();
      const topic = unique('topic');
      await log.createTopics([{ name: topic, partitions }], group === undefined ? [] : [{ topic, group }]);
      return { log, topic };
    }

    /** A subscription whose fault fails the test where it is looked at, and nowhere else. */
    async function start(log: EventLog, topic: string, group: string, handler: BatchHandler, limits = {}): Promise<Subscription> {
      const subscription = await log.subscribe({ topic, group, ...limits }, handler);
      subscription.done.catch(() => undefined);
      return subscription;
    }

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
  });
}

/** Appending to a real broker: what a broken connection, many records and large ones must not do. */
import { sharedKafka } from '@idemtrace/local-services/testing';
import { beforeAll, expect, test } from 'vitest';
import { Appender } from '../src/kafka/appender.ts';
import type { Producers } from '../src/kafka/producers.ts';
import { slicesOf } from '../src/kafka/slices.ts';
import { API, newTopic, newWire, openForTest, plainKafka, recordsTo, textsOf, valuesOf } from './kafka-log.ts';

// The run's broker is started by whoever asks first.
beforeAll(async () => void (await sharedKafka()), 180_000);

test('records after a send that failed are not taken for the ones that were sent before', async () => {
  const wire = newWire();
  const log = await openForTest({}, wire);
  const topic = await newTopic(log);
  await log.append(topic, recordsTo(0, ['first']));
  wire.fate = (apiKey) => (apiKey === API.produce ? 'unanswered' : 'passes');
  await expect(log.append(topic, recordsTo(0, ['in doubt']))).rejects.toMatchObject({ code: 'log_away' });
  wire.fate = () => 'passes';
  const [position] = await log.append(topic, recordsTo(0, ['second']));
  const texts = await textsOf(log, topic);
  expect(texts[position?.offset ?? -1]).toBe('second');
  expect(texts.filter((text) => text !== 'in doubt')).toEqual(['first', 'second']);
});

test('an answer that is lost once costs nothing: the same records are sent again, and stand there once', async () => {
  const wire = newWire();
  const log = await openForTest({}, wire);
  const topic = await newTopic(log);
  let cuts = 1;
  wire.fate = (apiKey) => (apiKey === API.produce && cuts-- > 0 ? 'unanswered' : 'passes');
  const positions = await log.append(topic, recordsTo(0, valuesOf(3)));
  expect(positions.map(({ offset }) => offset)).toEqual([0, 1, 2]);
  expect(await textsOf(log, topic)).toEqual(valuesOf(3));
});

test('more records than a send takes, and more bytes than a batch takes, are appended in order', async () => {
  const wire = newWire();
  const log = await openForTest({}, wire);
  const topic = await newTopic(log, 2);
  const many = await log.append(topic, recordsTo(0, valuesOf(2500)));
  expect(many.map(({ offset }) => offset)).toEqual(Array.from({ length: 2500 }, (_, n) => n));
  expect(wire.sent(API.produce)).toBe(3);
  const large = valuesOf(30).map((value) => ({ key: null, value: Buffer.alloc(100_000, value), partition: 1 }));
  const positions = await log.append(topic, large);
  expect(positions.map(({ offset }) => offset)).toEqual(Array.from({ length: 30 }, (_, n) => n));
  expect((await textsOf(log, topic)).slice(0, 2500)).toEqual(valuesOf(2500));
});

test('appends at the same time share sends, and each learns its own positions', async () => {
  const wire = newWire();
  const log = await openForTest({}, wire);
  const topic = await newTopic(log, 2);
  const answers = await Promise.all(
    valuesOf(200).map((value, n) => log.append(topic, [...recordsTo(n % 2, [value]), ...recordsTo(1, [`${value}!`])])),
  );
  const records = new Map<string, string>();
  for await (const { partition, offset, value } of log.tail(topic)) records.set(`${partition}/${offset}`, String(value));
  for (const [n, positions] of answers.entries()) {
    expect(positions.map(({ partition, offset }) => records.get(`${partition}/${offset}`))).toEqual([`v${n}`, `v${n}!`]);
  }
  expect(records.size).toBe(400);
  expect(wire.sent(API.produce)).toBeLessThan(50);
});

test('gzip makes fewer bytes of the same records', async () => {
  const [plain, gzip] = [newWire(), newWire()];
  const log = await openForTest({}, plain);
  const packed = await openForTest({ compression: 'gzip' }, gzip);
  const topic = await newTopic(log);
  const records = recordsTo(
    0,
    valuesOf(200).map((value) => value.repeat(50)),
  );
  await log.append(topic, records);
  await packed.append(topic, records);
  expect(gzip.bytes(API.produce)).toBeLessThan(plain.bytes(API.produce) / 4);
  const texts = await textsOf(log, topic);
  expect(texts.slice(200)).toEqual(texts.slice(0, 200));
});

test('what another producer compressed with zstd is read', async () => {
  const log = await openForTest();
  const topic = await newTopic(log);
  const producer = (await plainKafka()).producer({ createPartitioner: () => () => 0 });
  await producer.connect();
  const ZSTD = 4;
  await producer.send({ topic, compression: ZSTD, messages: valuesOf(20).map((value) => ({ value })) });
  await producer.disconnect();
  expect(await textsOf(log, topic)).toEqual(valuesOf(20));
});

test('a send that resolves without saying where each record went is no success, and costs the producer', async () => {
  const answer = { topicName: 't', partition: 0, errorCode: 0, baseOffset: '7' };
  const answers = [[answer], [answer, { ...answer, partition: 1, baseOffset: '9' }]];
  let made = 0;
  const producers = {
    idempotent: () => {
      made++;
      return { connect: async () => undefined, disconnect: async () => undefined };
    },
    send: async () => answers.shift() ?? [],
  } as unknown as Producers;
  const appender = new Appender(producers);
  const records = [0, 1].map((partition) => ({ key: null, value: Buffer.from('x'), partition }));
  await expect(appender.append('t', records, 1_000_000)).rejects.toMatchObject({ code: 'log_away' });
  expect(await appender.append('t', records, 1_000_000)).toEqual([
    { partition: 0, offset: 7 },
    { partition: 1, offset: 9 },
  ]);
  expect(made).toBe(2);
  await appender.close();
});

test('slices hold no more records and bytes than they may, in order, and a large record is alone', () => {
  const sizes = [10, 10, 5000, 10, 900, 900, 10];
  const slices = slicesOf(
    sizes.map((size) => ({ key: null, value: Buffer.alloc(size) })),
    2000,
    (record) => record,
  );
  expect(slices.map((slice) => slice.map(({ value }) => value.length))).toEqual([[10, 10], [5000], [10, 900, 900], [10]]);
  const many = Array.from({ length: 2001 }, () => ({ key: null, value: Buffer.alloc(1) }));
  expect(slicesOf(many, 10_000_000, (record) => record).map(({ length }) => length)).toEqual([1000, 1000, 1]);
});

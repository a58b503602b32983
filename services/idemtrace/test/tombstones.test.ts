/** What was erased reads as clock ticks, for whoever reads and whenever it began. */
import { createCodec, eventKey, fileRegistry } from '@idemtrace/schemas';
import { type EventLog, LogError, type LogRecord } from '@idemtrace/stream';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { expect, onTestFinished, test } from 'vitest';
import { encodeTombstone, tombstoneTopic, tombstoneTopicSpec, withTombstones } from '../src/erasure/tombstones.ts';

const EVENTS = 'events';
const codec = await createCodec({ registry: fileRegistry() });

async function openLog({ withTopic = true } = {}): Promise<EventLog> {
  const log = await openEmbeddedLog({ path: ':memory:' });
  onTestFinished(() => log.close());
  await log.createTopics([
    { name: EVENTS, partitions: 1 },
    { name: 'alerts', partitions: 1 },
    ...(withTopic ? [tombstoneTopicSpec(EVENTS)] : []),
  ]);
  return log;
}

const record = (tenantId: string, value: string) => ({ key: eventKey(tenantId, 'w'), value: Buffer.from(value), partition: 0 });

async function erase(log: EventLog, tenantId: string, through: number): Promise<void> {
  await log.append(tombstoneTopic(EVENTS), [{ key: null, value: encodeTombstone(tenantId, { [EVENTS]: [through] }) }]);
}

/** The value of each record, `tick` for a clock tick. */
async function textOf({ key, value, headers }: LogRecord): Promise<string> {
  const [decoded] = await codec.decode([{ key, value, logTime: 0 }]);
  if (!decoded?.ok) return String(value);
  expect({ key, headers }).toEqual({ key: null, headers: {} });
  return decoded.record.name === 'ClockTick' ? 'tick' : 'another record';
}

async function textsOf(log: EventLog, topic = EVENTS): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const each of log.tail(topic)) texts.push(await textOf(each));
  return texts;
}

test('T1: records of the tenant below its tombstone are masked, later ones, other tenants’ and other topics’ are not', async () => {
  const log = await openLog();
  await log.append(EVENTS, [record('acme', '0'), record('acme2', '1'), record('acme', '2'), record('acme', '3')]);
  await log.append('alerts', [record('acme', 'alert')]);
  await erase(log, 'acme', 3);
  const masked = await withTombstones(log, codec, EVENTS);
  expect(await textsOf(masked)).toEqual(['tick', '1', 'tick', '3']);
  expect(await textsOf(masked, 'alerts')).toEqual(['alert']);
  expect(await textsOf(log)).toEqual(['0', '1', '2', '3']);
  expect((await textsOf(log, tombstoneTopic(EVENTS))).join()).not.toContain('acme');
});

test('a tenant that is erased twice is masked up to the later tombstone', async () => {
  const log = await openLog();
  await log.append(EVENTS, [record('acme', '0'), record('acme', '1'), record('acme', '2')]);
  const masked = await withTombstones(log, codec, EVENTS);
  await erase(log, 'acme', 2);
  await erase(log, 'acme', 1);
  expect(await textsOf(masked)).toEqual(['tick', 'tick', '2']);
});

test('W5: what was erased after a subscription began is masked from its next take-over on', async () => {
  const log = await openLog();
  await log.append(EVENTS, [record('acme', '0'), record('globex', '1')]);
  const masked = await withTombstones(log, codec, EVENTS);
  const seen: string[][] = [];
  const done = Promise.withResolvers<void>();
  const subscription = await masked.subscribe({ topic: EVENTS, group: 'group' }, async (partition, batch) => {
    seen.push(await Promise.all(batch.records.map(textOf)));
    if (seen.length === 2) return done.resolve();
    await erase(log, 'acme', 2);
    await partition.takeOver();
    partition.seek(0);
  });
  await done.promise;
  await subscription.close();
  expect(seen).toEqual([
    ['0', '1'],
    ['tick', '1'],
  ]);
});

test('a log without a topic of tombstones is read as it is', async () => {
  const log = await openLog({ withTopic: false });
  await log.append(EVENTS, [record('acme', '0')]);
  expect(await withTombstones(log, codec, EVENTS)).toBe(log);
});

test('a tombstone that this version does not know is a fault, not passed over; a log that is away is waited for', async () => {
  const log = await openLog();
  let tries = 0;
  const away: EventLog = {
    ...Object.fromEntries(['createTopics', 'append', 'committed', 'subscribe', 'tail', 'close'].map((name) => [name, () => {}])),
    id: log.id,
    partitionsOf: (topic: string) => log.partitionsOf(topic),
    bounds: async (topic: string) => {
      tries += 1;
      if (tries === 1) throw new LogError('log_away', 'away');
      return log.bounds(topic);
    },
  } as unknown as EventLog;
  await withTombstones(away, codec, EVENTS);
  expect(tries).toBe(2);
  await log.append(tombstoneTopic(EVENTS), [{ key: null, value: Buffer.from('{"version":2}') }]);
  await expect(withTombstones(log, codec, EVENTS)).rejects.toThrow();
});

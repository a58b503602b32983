/** The transport that writes to Kafka itself, on a real broker and registry. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sharedKafka, sharedRegistry } from '@idemtrace/local-services/testing';
import { fileRegistry, RegistryError, type SchemaRegistry } from '@idemtrace/schemas';
import { partitionOf } from '@idemtrace/stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TransportError } from '../src/errors.ts';
import { createIdemtrace } from '../src/idemtrace.ts';
import { kafkaTransport } from '../src/kafka/index.ts';
import type { EmittedEvent } from '../src/transport.ts';
import { type KafkaWorld, numberedBuilder, openKafkaWorld, runStarted } from './kafka-world.ts';
import { HASH_KEY } from './world.ts';

let world: KafkaWorld;
beforeAll(async () => {
  const [kafka, registry] = await Promise.all([sharedKafka(), sharedRegistry()]);
  world = await openKafkaWorld(kafka.brokers, registry.url);
}, 300_000);
afterAll(() => world?.close());

/** A port where nothing listens. */
const NOBODY = ['127.0.0.1:1'];

async function failureOf(sending: Promise<void>): Promise<TransportError> {
  const error = await sending.catch((thrown: unknown) => thrown);
  if (!(error instanceof TransportError)) throw new Error(`not refused as a transport does: ${String(error)}`);
  return error;
}

test('an agent’s run, tool calls and retrievals are in the topic, in order, under the key and partition of their workflow', async () => {
  const topic = await world.topic({ partitions: 4 });
  const { brokers, registryUrl } = world;
  const transport = kafkaTransport({ brokers, registryUrl, topic, compression: 'gzip' });
  const idemtrace = createIdemtrace({ transport, hashKey: HASH_KEY });
  const charge = idemtrace.tool('charge_card', async (input: { invoice: string }) => ({ paid: input.invoice }), { effect: 'write' });
  const search = idemtrace.retriever('contracts', async (query: string) => [query], { documents: (found) => found.map((id) => ({ id })) });
  const workflows = Array.from({ length: 12 }, (_, index) => `invoice/${index}`);
  for (const workflowId of workflows) {
    await idemtrace.run({ tenantId: 'acme', workflowId, token: 'a.b.c' }, async () => {
      await search('terms');
      await charge({ invoice: workflowId });
    });
  }
  expect(await idemtrace.flush({ timeoutMs: 60_000 })).toMatchObject({ emitted: 60, sent: 60, buffered: 0, dropped: 0, rejected: 0 });
  await idemtrace.close();

  const records = await world.recordsOf(topic);
  const events = await world.eventsOf(topic);
  for (const [index, { key, partition }] of records.entries()) {
    const value = events[index]?.value as EmittedEvent['value'];
    expect(key?.toString()).toBe(`acme/${encodeURIComponent(value.workflowId)}`);
    expect(partition).toBe(partitionOf(key ?? Buffer.alloc(0), 4));
  }
  expect(new Set(records.map(({ partition }) => partition)).size).toBeGreaterThan(1);
  for (const workflowId of workflows) {
    const told = events.flatMap(({ name, value }) => ('workflowId' in value && value.workflowId === workflowId ? [name] : []));
    expect(told).toEqual(['RunEvent', 'RetrievalEvent', 'ToolCallEvent', 'ToolCallEvent', 'RunEvent']);
  }
  expect(records.filter(({ headers }) => headers['idemtrace-token']?.toString() === 'a.b.c')).toHaveLength(workflows.length);
});

test('a batch of more than one send’s worth is whole', async () => {
  const topic = await world.topic();
  const { brokers, registryUrl } = world;
  const builder = numberedBuilder();
  const transport = kafkaTransport({ brokers, registryUrl, topic });
  await transport.send(Array.from({ length: 2500 }, () => runStarted(builder, 'w')));
  await transport.close?.();
  const sequences = (await world.eventsOf(topic)).map(({ value }) => ('sequence' in value ? value.sequence : undefined));
  expect(sequences).toEqual(Array.from({ length: 2500 }, (_, sequence) => sequence));
});

test('a cluster that is away is retriable, and what was encoded is not encoded again', async () => {
  const transport = kafkaTransport({ brokers: NOBODY, registry: fileRegistry() });
  const event = runStarted(numberedBuilder(), 'w');
  let reads = 0;
  const watched: EmittedEvent = {
    name: 'RunEvent',
    value: event.value as never,
    get headers() {
      reads++;
      return {};
    },
  };
  for (let attempt = 0; attempt < 2; attempt++)
    expect(await failureOf(transport.send([watched]))).toMatchObject({ retriable: true, divisible: false });
  expect(reads).toBe(1);
  await transport.close?.();
});

test('a registry that is away, or has no schemas yet, is retriable, and asked again at the next attempt', async () => {
  const topic = await world.topic();
  let state: 'away' | 'not_registered' | 'there' = 'away';
  const files = fileRegistry();
  const registry: SchemaRegistry = {
    async idOf(name) {
      if (state !== 'there') throw new RegistryError(state, `the registry is ${state}`);
      return files.idOf(name);
    },
    schemaById: files.schemaById,
  };
  const transport = kafkaTransport({ brokers: world.brokers, registry, topic });
  const event = runStarted(numberedBuilder(), 'w');
  expect(await failureOf(transport.send([event]))).toMatchObject({ retriable: true });
  state = 'not_registered';
  expect(await failureOf(transport.send([event]))).toMatchObject({ retriable: true, message: expect.stringContaining('RunEvent') });
  state = 'there';
  await transport.send([event]);
  await transport.close?.();
  expect(await world.recordsOf(topic)).toHaveLength(1);
});

test('an event that is invalid is refused for good, and the emitter finds it among the others', async () => {
  const topic = await world.topic();
  const { brokers, registryUrl } = world;
  const transport = kafkaTransport({ brokers, registryUrl, topic });
  const builder = numberedBuilder();
  const good = runStarted(builder, 'w');
  const bad = { ...good, value: { ...good.value, attempt: 0 } } as EmittedEvent;
  const nameless = { ...good, value: { ...good.value, tenantId: '' } } as EmittedEvent;
  for (const event of [bad, nameless])
    expect(await failureOf(transport.send([good, event]))).toMatchObject({ retriable: false, divisible: true });
  expect(await world.recordsOf(topic)).toEqual([]);
  await transport.send([good]);
  await transport.close?.();
  expect(await world.recordsOf(topic)).toHaveLength(1);
});

test('an event that the topic takes no longer is refused for good, and said to be a part of its batch', async () => {
  const topic = await world.topic({ maxMessageBytes: 1500 });
  const { brokers, registryUrl } = world;
  const transport = kafkaTransport({ brokers, registryUrl, topic });
  const event = runStarted(numberedBuilder(), 'w', { 'idemtrace-token': 'x'.repeat(2000) });
  expect(await failureOf(transport.send([event]))).toMatchObject({ retriable: false, divisible: true });
  await transport.close?.();
});

test('a topic that is missing is named, and written to once it is there', async () => {
  const { brokers, registryUrl } = world;
  const topic = `test-late-${Date.now()}`;
  const transport = kafkaTransport({ brokers, registryUrl, topic });
  const event = runStarted(numberedBuilder(), 'w');
  expect(await failureOf(transport.send([event]))).toMatchObject({ retriable: true, message: expect.stringContaining(topic) });
  await world.log.createTopics([{ name: topic, partitions: 1 }]);
  await expect
    .poll(
      () =>
        transport.send([event]).then(
          () => true,
          () => false,
        ),
      { timeout: 60_000, interval: 200 },
    )
    .toBe(true);
  await transport.close?.();
  expect((await world.recordsOf(topic)).length).toBeGreaterThan(0);
});

test('options that cannot be used are refused where they are given', () => {
  const { brokers, registryUrl } = world;
  const invalid = expect.objectContaining({ code: 'invalid_option' });
  expect(() => kafkaTransport({ brokers: [], registryUrl })).toThrow(invalid);
  expect(() => kafkaTransport({ brokers, registryUrl: 'no url' })).toThrow(invalid);
  expect(() => kafkaTransport({ brokers } as never)).toThrow(invalid);
});

test('a script ends by itself, its events sent, although it never closed', async () => {
  const topic = await world.topic();
  const script = fileURLToPath(new URL('children/agent.ts', import.meta.url));
  const { brokers, registryUrl } = world;
  await promisify(execFile)(process.execPath, [script, JSON.stringify({ brokers, registryUrl, topic, idleMs: 200 })], { timeout: 50_000 });
  expect((await world.eventsOf(topic)).map(({ name }) => name)).toEqual(['RunEvent', 'ToolCallEvent', 'ToolCallEvent', 'RunEvent']);
});

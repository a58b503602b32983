/** The broker that the tests and `services:up` run: its listeners, and what it keeps over a kill. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { type Kafka as Broker, startKafka } from '@idemtrace/local-services';
import { Kafka, logLevel, type SASLOptions } from 'kafkajs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const PATIENT = { timeout: 240_000 };
const ALICE = { username: 'alice', password: 'wonder1and' };
let broker: Broker;

beforeAll(async () => {
  broker = await startKafka({
    sasl: { users: { [ALICE.username]: ALICE.password } },
    tls: { clientCertificate: 'required' },
  });
}, 240_000);
afterAll(() => broker.stop());

interface Access {
  readonly brokers: readonly string[];
  readonly sasl?: SASLOptions;
  readonly ssl?: ConnectionOptions;
}

async function topicsAs({ brokers, sasl, ssl }: Access): Promise<readonly string[]> {
  const kafka = new Kafka({
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    connectionTimeout: 60_000,
    authenticationTimeout: 60_000,
    ...(sasl !== undefined && { sasl }),
    ...(ssl !== undefined && { ssl }),
  });
  const admin = kafka.admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

const tls = (): ConnectionOptions => ({ ca: pem('ca') });
const clientTls = (): ConnectionOptions => ({ ...tls(), cert: pem('clientCertificate'), key: pem('clientKey') });
const pem = (file: 'ca' | 'clientCertificate' | 'clientKey') => readFileSync(broker.certificates?.[file] ?? '', 'utf8');

test.for(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
  'a user is let in by %s and a wrong password is not',
  PATIENT,
  async (mechanism) => {
    // An object each: kafkajs writes the provider of the first password into the one that it is given.
    const sasl = (password: string) => ({ mechanism, username: ALICE.username, password }) as SASLOptions;
    const right = ALICE.password;
    await expect(topicsAs({ brokers: broker.saslBrokers, sasl: sasl(right) })).resolves.toEqual([]);
    await expect(topicsAs({ brokers: broker.saslBrokers, sasl: sasl('guess') })).rejects.toThrow('authentication failed');
    await expect(topicsAs({ brokers: broker.saslTlsBrokers, sasl: sasl(right), ssl: tls() })).resolves.toEqual([]);
  },
);

test('a listener that asks for a user takes none without', PATIENT, async () => {
  await expect(topicsAs({ brokers: broker.saslBrokers })).rejects.toThrow();
});

test('TLS takes the clients that bring a certificate of its authority, and is trusted by those alone that know it', PATIENT, async () => {
  await expect(topicsAs({ brokers: broker.tlsBrokers, ssl: clientTls() })).resolves.toEqual([]);
  await expect(topicsAs({ brokers: broker.tlsBrokers, ssl: tls() })).rejects.toThrow();
  await expect(topicsAs({ brokers: broker.saslTlsBrokers, ssl: {}, sasl: { mechanism: 'plain', ...ALICE } })).rejects.toThrow(
    'certificate',
  );
});

test(
  'topics, records and offsets are there after kill -9, at the same address, and topics are never made by themselves',
  PATIENT,
  async () => {
    const { brokers } = broker;
    const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { retries: 20 } });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({
      topics: [{ topic: 'kept', numPartitions: 2, configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] }],
    });
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic: 'kept', acks: -1, messages: [{ partition: 1, value: 'paid' }] });
    await admin.setOffsets({ groupId: 'readers', topic: 'kept', partitions: [{ partition: 1, offset: '1' }] });
    await expect(admin.fetchTopicMetadata({ topics: ['absent'] })).rejects.toThrow();

    await broker.kill();
    await broker.restart();
    expect(broker.brokers).toEqual(brokers);
    // A broker that leads its partitions again, and whose coordinator has read its groups: kafkajs' admin does not ask twice.
    const admitted = { timeout: 60_000, interval: 200 };
    await vi.waitFor(async () => {
      const offsets = await admin.fetchTopicOffsets('kept');
      expect(Object.fromEntries(offsets.map(({ partition, high }) => [partition, high]))).toEqual({ 0: '0', 1: '1' });
    }, admitted);
    await vi.waitFor(async () => {
      const committed = await admin.fetchOffsets({ groupId: 'readers', topics: ['kept'] });
      expect(committed[0]?.partitions.find(({ partition }) => partition === 1)?.offset).toBe('1');
    }, admitted);
    await producer.send({ topic: 'kept', acks: -1, messages: [{ partition: 1, value: 'paid again' }] });
    await Promise.all([producer.disconnect(), admin.disconnect()]);
  },
);

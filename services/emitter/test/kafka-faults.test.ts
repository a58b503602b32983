/** A broker that is killed, and one that asks who comes: on a broker of these tests' own. */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Kafka, startKafka } from '@idemtrace/local-services';
import { sharedRegistry } from '@idemtrace/local-services/testing';
import type { Alert } from '@idemtrace/schemas';
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka as KafkaClient, logLevel, ResourcePatternTypes } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { subscribeToAlerts } from '../src/alerts/index.ts';
import { createIdemtrace } from '../src/idemtrace.ts';
import { kafkaTransport } from '../src/kafka/index.ts';
import type { EmittedEvent } from '../src/transport.ts';
import { alertOf, type KafkaWorld, numberedBuilder, openKafkaWorld, runStarted } from './kafka-world.ts';
import { HASH_KEY } from './world.ts';

const PASSWORD = 'CANARYsecret';
let broker: Kafka;
let world: KafkaWorld;
beforeAll(async () => {
  broker = await startKafka({
    sasl: { users: { writer: PASSWORD, reader: PASSWORD, stranger: PASSWORD } },
    tls: true,
    properties: { 'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer', 'super.users': 'User:ANONYMOUS' },
  });
  world = await openKafkaWorld(broker.brokers, (await sharedRegistry()).url);
}, 300_000);
afterAll(async () => {
  await world?.close();
  await broker?.stop();
});

const waiting = { timeout: 100_000, interval: 50 };

/** Number of an event within its emitter. */
const sequenceOf = ({ value }: { readonly value: object }) => ('sequence' in value ? Number(value.sequence) : -1);

test('a broker that is killed in mid-send and started again has every event that was acknowledged, batches that were sent again whole', async () => {
  const topic = await world.topic({ partitions: 3 });
  const transport = kafkaTransport({ brokers: broker.brokers, registryUrl: world.registryUrl, topic });
  const builder = numberedBuilder();
  const acknowledged: EmittedEvent[] = [];
  let failures = 0;
  let sending = true;
  const sender = (async () => {
    while (sending) {
      const batch = Array.from({ length: 200 }, (_, index) => runStarted(builder, `w${index % 20}`));
      for (let sent = false; !sent; ) {
        sent = await transport.send(batch).then(
          () => true,
          (error: { readonly retriable?: boolean }) => {
            expect(error.retriable).toBe(true);
            failures++;
            return false;
          },
        );
      }
      acknowledged.push(...batch);
    }
  })();
  await expect.poll(() => acknowledged.length, waiting).toBeGreaterThan(1000);
  await broker.kill();
  await expect.poll(() => failures, waiting).toBeGreaterThan(0);
  await broker.restart();
  const recovered = acknowledged.length;
  await expect.poll(() => acknowledged.length, waiting).toBeGreaterThan(recovered + 400);
  sending = false;
  await sender;
  await transport.close?.();

  const events = await world.eventsOf(topic);
  const numbers = new Set(events.map(sequenceOf));
  expect(acknowledged.filter((event) => !numbers.has(sequenceOf(event)))).toEqual([]);
  // What came first of each event keeps the order of its workflow: repeats follow.
  for (let index = 0; index < 20; index++) {
    const ofWorkflow = events.filter(({ value }) => 'workflowId' in value && value.workflowId === `w${index}`).map(sequenceOf);
    const firsts = [...new Set(ofWorkflow)];
    expect(firsts).toEqual([...firsts].sort((left, right) => left - right));
  }
}, 300_000);

test('an agent that starts while the broker is away keeps its events, and sends them when it comes', async () => {
  const topic = await world.topic();
  await broker.kill();
  const warnings: string[] = [];
  const transport = kafkaTransport({ brokers: broker.brokers, registryUrl: world.registryUrl, topic });
  const idemtrace = createIdemtrace({ transport, hashKey: HASH_KEY, warn: (_, code) => void warnings.push(code) });
  await idemtrace.run({ tenantId: 'acme', workflowId: 'w' }, async () => 'done');
  await expect.poll(() => idemtrace.counters.retried, waiting).toBeGreaterThan(0);
  await broker.restart();
  expect(await idemtrace.flush({ timeoutMs: 100_000 })).toMatchObject({ emitted: 2, sent: 2, dropped: 0, rejected: 0 });
  await idemtrace.close();
  expect(warnings).toEqual(['IDEMTRACE_UNSENT']);
  expect((await world.eventsOf(topic)).map(sequenceOf)).toEqual(expect.arrayContaining([0, 1]));
}, 300_000);

test('a subscriber goes on when the broker was killed and started again', async () => {
  const topic = await world.topic();
  const ids: string[] = [];
  const subscription = await subscribeToAlerts(
    { brokers: broker.brokers, registryUrl: world.registryUrl, topic, group: `group-${topic}` },
    ({ alertId }) => void ids.push(alertId),
  );
  const [first, second] = [alertOf(), alertOf()];
  await world.publish(topic, first);
  await expect.poll(() => ids, waiting).toEqual([first.alertId]);
  await broker.kill();
  await sleep(2000);
  await broker.restart();
  await expect
    .poll(
      () =>
        world.publish(topic, second).then(
          () => true,
          () => false,
        ),
      waiting,
    )
    .toBe(true);
  await expect.poll(() => ids, waiting).toContain(second.alertId);
  await subscription.close();
  await subscription.done;
}, 300_000);

test('a subscriber that is killed in the middle of an alert leaves it, and all after it, to the next', async () => {
  const topic = await world.topic({ partitions: 2 });
  const options = { brokers: broker.brokers, registryUrl: world.registryUrl, topic, group: `group-${topic}` };
  const script = fileURLToPath(new URL('children/subscriber.ts', import.meta.url));
  const child = fork(script, [JSON.stringify(options)], { execArgv: [], stdio: 'inherit' });
  const begun: string[] = [];
  child.on('message', (message) => void begun.push(String(message)));
  await expect.poll(() => begun, waiting).toEqual(['ready']);
  const alerts: readonly Alert[] = Array.from({ length: 30 }, (_, index) => alertOf({ workflowId: `w${index % 7}` }));
  await world.publish(topic, ...alerts);
  await expect.poll(() => begun.length, waiting).toBeGreaterThan(12);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  const next: string[] = [];
  const subscription = await subscribeToAlerts(options, ({ alertId }) => void next.push(alertId));
  await expect.poll(() => new Set([...begun.slice(1), ...next]), waiting).toEqual(new Set(alerts.map(({ alertId }) => alertId)));
  // The child was within some alert of each partition it had begun: those at least come again, and not all that it had done.
  expect(next.length).toBeGreaterThanOrEqual(alerts.length - begun.slice(1).length + 1);
  await subscription.close();
}, 300_000);

interface Rule {
  readonly user: string;
  readonly type: AclResourceTypes;
  readonly name: string;
  readonly operation: AclOperationTypes;
}

async function allow(...rules: readonly Rule[]): Promise<void> {
  const admin = new KafkaClient({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const acl = rules.map(({ user, type, name, operation }) => ({
    resourceType: type,
    resourceName: name,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: `User:${user}`,
    host: '*',
    operation,
    permissionType: AclPermissionTypes.ALLOW,
  }));
  await admin.createAcls({ acl });
  await admin.disconnect();
}

const sasl = (username: string, password = PASSWORD) => ({ mechanism: 'scram-sha-256', username, password }) as const;

test('P1: over TLS and SASL an agent needs to write the topic, a subscriber to read it and its group; others are refused, no password told', async () => {
  const topic = await world.topic();
  const group = `group-${topic}`;
  await allow(
    { user: 'writer', type: AclResourceTypes.TOPIC, name: topic, operation: AclOperationTypes.WRITE },
    { user: 'reader', type: AclResourceTypes.TOPIC, name: topic, operation: AclOperationTypes.READ },
    { user: 'reader', type: AclResourceTypes.GROUP, name: group, operation: AclOperationTypes.READ },
  );
  const secure = {
    brokers: broker.saslTlsBrokers,
    registryUrl: world.registryUrl,
    topic,
    tls: { ca: readFileSync(broker.certificates?.ca ?? '', 'utf8') },
  };
  const told: string[] = [];
  const report = (_: string, message: string) => void told.push(message);
  const event = runStarted(numberedBuilder(), 'w');

  const writer = kafkaTransport({ ...secure, sasl: sasl('writer'), report });
  await expect
    .poll(
      () =>
        writer.send([event]).then(
          () => 'sent',
          (error: Error) => error.message,
        ),
      waiting,
    )
    .toBe('sent');
  await writer.close?.();
  for (const login of [sasl('writer', 'CANARYwrong'), sasl('stranger'), sasl('reader')]) {
    const refused = kafkaTransport({ ...secure, sasl: login, report });
    const error = await refused.send([event]).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ name: 'TransportError', retriable: false, divisible: false });
    told.push(String(error));
    await refused.close?.();
  }

  const ids: string[] = [];
  const handle = ({ alertId }: Alert) => void ids.push(alertId);
  const subscription = await subscribeToAlerts({ ...secure, group, sasl: sasl('reader'), report }, handle);
  const alert = alertOf();
  await world.publish(topic, alert);
  await expect.poll(() => ids, waiting).toEqual([alert.alertId]);
  await subscription.close();
  for (const login of [sasl('reader', 'CANARYwrong'), sasl('stranger')])
    await expect(subscribeToAlerts({ ...secure, group, sasl: login, report }, handle)).rejects.toMatchObject({ code: 'not_allowed' });
  const elsewhere = subscribeToAlerts({ ...secure, group: 'another', sasl: sasl('reader'), report }, handle);
  await expect(elsewhere).rejects.toMatchObject({ message: expect.stringContaining('may not read group another') });
  expect(told.length).toBeGreaterThan(3);
  expect(told.join('\n')).not.toContain('CANARY');
}, 300_000);

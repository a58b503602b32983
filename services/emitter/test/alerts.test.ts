/** Subscribing to alerts, on a real broker and registry. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sharedKafka, sharedRegistry } from '@idemtrace/local-services/testing';
import type { Alert } from '@idemtrace/schemas';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type AlertSubscription, type AlertSubscriptionOptions, type InvalidRecord, subscribeToAlerts } from '../src/alerts/index.ts';
import { alertOf, type KafkaWorld, numberedBuilder, openKafkaWorld, runStarted } from './kafka-world.ts';

let world: KafkaWorld;
beforeAll(async () => {
  const [kafka, registry] = await Promise.all([sharedKafka(), sharedRegistry()]);
  world = await openKafkaWorld(kafka.brokers, registry.url);
}, 300_000);
afterAll(() => world?.close());

const open: AlertSubscription[] = [];
afterEach(async () => {
  for (const subscription of open.splice(0)) await subscription.close();
});

type Options = Partial<AlertSubscriptionOptions> & { readonly topic: string };

async function subscribe(options: Options, handle: (alert: Alert) => Promise<void> | void): Promise<AlertSubscription> {
  const { brokers, registryUrl } = world;
  const given = { brokers, registryUrl, group: `test-${randomUUID()}`, warn: () => undefined, ...options } as AlertSubscriptionOptions;
  const subscription = await subscribeToAlerts(given, handle);
  open.push(subscription);
  return subscription;
}

/** Alerts as they are handled. */
function collector(): { readonly ids: string[]; readonly handle: (alert: Alert) => void } {
  const ids: string[] = [];
  return { ids, handle: ({ alertId }) => void ids.push(alertId) };
}

const idsOf = (alerts: readonly Alert[]) => alerts.map(({ alertId }) => alertId);
const waiting = { timeout: 50_000, interval: 20 };

test('a new subscriber hears what is published from now on, or from the start, warnings and worse unless it says otherwise', async () => {
  const topic = await world.topic();
  const [before, info, warning, unknown, critical] = [
    alertOf(),
    alertOf({ severity: 'info' }),
    alertOf({ severity: 'warning' }),
    alertOf({ severity: 'unspecified' }),
    alertOf(),
  ];
  await world.publish(topic, before);
  const [usual, all, worst, start] = [collector(), collector(), collector(), collector()];
  await subscribe({ topic }, usual.handle);
  await subscribe({ topic, minSeverity: 'info' }, all.handle);
  await subscribe({ topic, minSeverity: 'critical' }, worst.handle);
  await subscribe({ topic, from: 'earliest' }, start.handle);
  await world.publish(topic, info, warning, unknown, critical);
  await expect.poll(() => usual.ids, waiting).toEqual(idsOf([warning, unknown, critical]));
  await expect.poll(() => all.ids, waiting).toEqual(idsOf([info, warning, unknown, critical]));
  await expect.poll(() => worst.ids, waiting).toEqual(idsOf([unknown, critical]));
  await expect.poll(() => start.ids, waiting).toEqual(idsOf([before, warning, unknown, critical]));
});

test('an alert is handed on whole', async () => {
  const topic = await world.topic();
  const alert = alertOf({ evidence: { ...alertOf().evidence, documents: [{ id: 'doc-1', tenantId: 'globex', score: 0.5 }] } });
  const alerts: Alert[] = [];
  await subscribe({ topic }, (received) => void alerts.push(received));
  await world.publish(topic, alert);
  await expect.poll(() => alerts, waiting).toEqual([alert]);
});

test('what is published while nobody is there is heard later, also by a group that has never had an alert', async () => {
  const topic = await world.topic({ partitions: 3 });
  const group = `test-${randomUUID()}`;
  await (await subscribe({ topic, group }, () => undefined)).close();
  const missed = Array.from({ length: 6 }, (_, index) => alertOf({ workflowId: `w${index}` }));
  await world.publish(topic, ...missed);
  const { ids, handle } = collector();
  await subscribe({ topic, group }, handle);
  await expect.poll(() => [...ids].sort(), waiting).toEqual(idsOf(missed));
});

test('a group goes on behind the last alert that was handled, and hears none again', async () => {
  const topic = await world.topic();
  const group = `test-${randomUUID()}`;
  const [first, second, third] = [alertOf(), alertOf(), alertOf()];
  const before = collector();
  const subscription = await subscribe({ topic, group }, before.handle);
  await world.publish(topic, first, second);
  await expect.poll(() => before.ids, waiting).toEqual(idsOf([first, second]));
  await subscription.close();
  await subscription.done;
  const after = collector();
  await subscribe({ topic, group, from: 'earliest' }, after.handle);
  await world.publish(topic, third);
  await expect.poll(() => after.ids, waiting).toEqual(idsOf([third]));
});

test('an alert whose handler throws is handled again before any other, and the failures are told', async () => {
  const topic = await world.topic();
  const warnings: string[] = [];
  const { ids, handle } = collector();
  await subscribe({ topic, warn: (message) => void warnings.push(message) }, (alert) => {
    handle(alert);
    if (ids.length < 3) throw new Error('the pager is away');
  });
  const [first, second] = [alertOf(), alertOf()];
  await world.publish(topic, first, second);
  await expect.poll(() => ids, waiting).toEqual(idsOf([first, first, first, second]));
  expect(warnings).toEqual([
    expect.stringContaining('attempt 1: the pager is away'),
    expect.stringContaining('attempt 2: the pager is away'),
  ]);
});

test('a handler that fails as often as it may ends the subscription, and the alert is the next subscriber’s', async () => {
  const topic = await world.topic();
  const group = `test-${randomUUID()}`;
  const [first, second] = [alertOf(), alertOf()];
  const failing = await subscribe({ topic, group, attempts: 2 }, ({ alertId }) => {
    if (alertId === second.alertId) throw new Error('no');
  });
  await world.publish(topic, first, second);
  await expect(failing.done).rejects.toMatchObject({ code: 'handler_failed', cause: new Error('no') });
  await failing.close();
  const { ids, handle } = collector();
  await subscribe({ topic, group }, handle);
  await expect.poll(() => ids, waiting).toEqual(idsOf([second]));
});

test('W7: a record that is no alert is told with its position and its reason, and stops nothing', async () => {
  const topic = await world.topic();
  const told: InvalidRecord[] = [];
  const warnings: string[] = [];
  const [watching, warned] = [collector(), collector()];
  const onInvalid = (record: InvalidRecord) => {
    told.push(record);
    throw new Error('and this is no reason to stop either');
  };
  await subscribe({ topic, onInvalid }, watching.handle);
  await subscribe({ topic, warn: (message) => void warnings.push(message) }, warned.handle);
  const event = runStarted(numberedBuilder(), 'w');
  await world.log.append(topic, [
    { key: null, value: Buffer.from('what is this?') },
    { key: 'acme/w', value: world.codec.encode('RunEvent', event.value as never) },
  ]);
  const alert = alertOf();
  await world.publish(topic, alert);
  await expect.poll(() => [watching.ids, warned.ids], waiting).toEqual([[alert.alertId], [alert.alertId]]);
  expect(told.map(({ partition, offset, reason }) => ({ partition, offset, reason }))).toEqual([
    { partition: 0, offset: 0, reason: 'bad_magic' },
    { partition: 0, offset: 1, reason: 'unexpected_record' },
  ]);
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toContain(`record 0 of partition 0 of ${topic}`);
});

test('closing waits for the alert under way, begins no other, and leaves the rest to the next subscriber', async () => {
  const topic = await world.topic();
  const group = `test-${randomUUID()}`;
  const alerts = [alertOf(), alertOf(), alertOf()];
  const { ids, handle } = collector();
  const gate = Promise.withResolvers<void>();
  const subscription = await subscribe({ topic, group }, async (alert) => {
    handle(alert);
    await gate.promise;
  });
  await world.publish(topic, ...alerts);
  await expect.poll(() => ids, waiting).toHaveLength(1);
  let closed = false;
  const closing = subscription.close().then(() => {
    closed = true;
  });
  await sleep(300);
  expect(closed).toBe(false);
  gate.resolve();
  await closing;
  expect(ids).toEqual(idsOf(alerts.slice(0, 1)));
  const next = collector();
  await subscribe({ topic, group }, next.handle);
  await expect.poll(() => next.ids, waiting).toEqual(idsOf(alerts.slice(1)));
});

test('closing does not wait for a handler that would be tried again', async () => {
  const topic = await world.topic();
  let calls = 0;
  const subscription = await subscribe({ topic }, () => {
    calls++;
    throw new Error('never');
  });
  await world.publish(topic, alertOf());
  await expect.poll(() => calls, waiting).toBeGreaterThan(2);
  await subscription.close();
  const after = calls;
  await sleep(1000);
  expect(calls).toBe(after);
});

test('a handler that takes longer than a session keeps its partition, and its alert comes once', async () => {
  const topic = await world.topic();
  const { ids, handle } = collector();
  const alerts = [alertOf(), alertOf()];
  await subscribe({ topic }, async (alert) => {
    handle(alert);
    if (ids.length === 1) await sleep(12_000);
  });
  await world.publish(topic, ...alerts);
  await expect.poll(() => ids, waiting).toEqual(idsOf(alerts));
  await sleep(500);
  expect(ids).toEqual(idsOf(alerts));
});

test('two subscribers of a group share the alerts, and none goes missing when one comes and one leaves', async () => {
  const topic = await world.topic({ partitions: 6 });
  const group = `test-${randomUUID()}`;
  const alerts = Array.from({ length: 60 }, (_, index) => alertOf({ workflowId: `w${index}` }));
  const [first, second] = [collector(), collector()];
  const one = await subscribe({ topic, group }, first.handle);
  await world.publish(topic, ...alerts.slice(0, 20));
  await subscribe({ topic, group }, second.handle);
  for (let index = 20; index < 40; index++) await world.publish(topic, ...alerts.slice(index, index + 1));
  await expect.poll(() => new Set([...first.ids, ...second.ids]).size, waiting).toBe(40);
  await one.close();
  await world.publish(topic, ...alerts.slice(40));
  await expect.poll(() => new Set([...first.ids, ...second.ids]), waiting).toEqual(new Set(idsOf(alerts)));
  expect(second.ids.length).toBeGreaterThan(0);
});

test('W4: an alert of a transaction that was aborted is not delivered', async () => {
  const topic = await world.topic();
  const { ids, handle } = collector();
  await subscribe({ topic }, handle);
  const kafka = new Kafka({ brokers: [...world.brokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ transactionalId: `test-${randomUUID()}`, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  const [aborted, committed] = [alertOf(), alertOf()];
  for (const alert of [aborted, committed]) {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ key: 'acme/invoice-run-7', value: world.codec.encode('Alert', alert) }] });
    await (alert === aborted ? transaction.abort() : transaction.commit());
  }
  await producer.disconnect();
  await expect.poll(() => ids, waiting).toEqual([committed.alertId]);
});

test('what cannot begin is refused with what to do about it', async () => {
  const { brokers, registryUrl } = world;
  const group = 'test';
  const topic = await world.topic();
  await expect(subscribe({ topic: 'test-nowhere' }, () => undefined)).rejects.toMatchObject({ code: 'unknown_topic' });
  await expect(subscribe({ topic, brokers: ['127.0.0.1:1'] }, () => undefined)).rejects.toMatchObject({ code: 'log_away' });
  const noRegistry = { brokers, topic, group, registryUrl: 'http://127.0.0.1:1' };
  await expect(subscribeToAlerts(noRegistry, () => undefined)).rejects.toMatchObject({ code: 'away' });
  const mistakes = [{ brokers: [] }, { group: '' }, { attempts: 0 }, { minSeverity: 'severe' as never }, { registryUrl: 'no url' }];
  for (const mistake of mistakes) {
    const options = { brokers, registryUrl, group, topic, ...mistake };
    await expect(subscribeToAlerts(options, () => undefined)).rejects.toMatchObject({ code: 'invalid_option' });
  }
});

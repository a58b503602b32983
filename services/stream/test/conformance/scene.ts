/** What the parts of the event log's conformance suite share: logs and topics of a test's own, and handlers as the port asks for them. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import type { BatchHandler, EventLog, LogRecord, Subscription, TakeOver } from '../../src/port.ts';

/** One log for a suite. `open` may be called several times: instances on the same log, as separate processes would have. */
export interface LogUnderTest {
  open(): Promise<EventLog>;
  dispose(): Promise<void>;
}

const patience = { timeout: 45_000, interval: 20 } as const;

export const eventually = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, patience);
export const unique = (name: string): string => `${name}-${randomUUID()}`;
export const numbered = (count: number, prefix = 'v') => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
export const to = (partition: number, values: readonly string[]) =>
  values.map((value) => ({ key: null, value: Buffer.from(value), partition }));
export const text = (record: LogRecord): string => String(record.value);

/** All of a topic once there are so many: a cluster answers a commit before readers of each partition see it, and shows partitions one by one. */
export async function allOnceThere(log: EventLog, topic: string, count: number): Promise<LogRecord[]> {
  return eventually(async () => {
    const records = await all(log, topic);
    expect(records.length).toBeGreaterThanOrEqual(count);
    return records;
  });
}

export async function all(log: EventLog, topic: string, options = {}): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of log.tail(topic, options)) records.push(record);
  return records;
}

/** A handler as the port asks for it: takes over in the first batch of a generation, seeks to the group's offset, and starts from there. */
export function owning(work: BatchHandler, seen: (takeOver: TakeOver) => void = () => undefined): BatchHandler {
  const generations = new Map<number, number>();
  return async (partition, batch) => {
    if (generations.get(partition.partition) === partition.generation) return work(partition, batch);
    const takeOver = await partition.takeOver();
    seen(takeOver);
    generations.set(partition.partition, partition.generation);
    partition.seek(takeOver.committed ?? takeOver.low);
  };
}

export function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, passed: promise };
}

/** What a test opens is closed with it. */
export interface Scene {
  open(): Promise<EventLog>;
  withTopic(partitions: number, group?: string): Promise<{ readonly log: EventLog; readonly topic: string }>;
  /** A subscription whose fault fails the test where it is looked at, and nowhere else. */
  start(log: EventLog, topic: string, group: string, handler: BatchHandler, limits?: object): Promise<Subscription>;
}

/** For the suite at hand: hooks into it. */
export function sceneOf(create: () => Promise<LogUnderTest>): Scene {
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

  async function start(log: EventLog, topic: string, group: string, handler: BatchHandler, limits = {}): Promise<Subscription> {
    const subscription = await log.subscribe({ topic, group, ...limits }, handler);
    subscription.done.catch(() => undefined);
    return subscription;
  }

  return { open, withTopic, start };
}

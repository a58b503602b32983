/** What the tests of the loop share: a log, its topics, detectors that end with the test, and a story. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Alert, type Codec, createCodec, EMPTY_POLICY, eventKey, fileRegistry, PolicyLookup } from '@idemtrace/schemas';
import type { EventLog } from '@idemtrace/stream';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { afterEach, beforeEach } from 'vitest';
import { type Detector, type DetectorOptions, startDetector } from '../src/detector.ts';
import type { JudgedEvent } from '../src/domain/fact.ts';
import { MemoryWindows } from '../src/windows/memory/memory-windows.ts';
import { call, retrieval, runEvent } from './story.ts';

export const TOPICS = { events: 'events', alerts: 'alerts', deadLetters: 'dead-letters' };
export const PARTITIONS = 2;
export const WINDOW_MS = 86_400_000;

export let folder: string;
export let log: EventLog;
let codec: Codec;
export let detectors: Detector[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'idemtrace-loop-'));
  codec = await createCodec({ registry: fileRegistry() });
  log = await openEmbeddedLog({ path: folder, synchronous: 'normal' });
  await createTopics(log);
  detectors = [];
});

afterEach(async () => {
  await Promise.allSettled(detectors.map((detector) => detector.close()));
  await log.close();
  await rm(folder, { recursive: true, force: true });
});

function createTopics(on: EventLog): Promise<void> {
  return on.createTopics(
    Object.values(TOPICS).map((name) => ({ name, partitions: PARTITIONS })),
    [{ topic: TOPICS.events, group: 'detector' }],
  );
}

export async function start(options: Partial<DetectorOptions> = {}): Promise<Detector> {
  const detector = await startDetector({
    log,
    codec,
    windows: new MemoryWindows({ windowMs: WINDOW_MS }),
    policy: () => new PolicyLookup(EMPTY_POLICY),
    topics: TOPICS,
    group: 'detector',
    windowMs: WINDOW_MS,
    ...options,
  });
  detector.done.catch(() => {});
  detectors.push(detector);
  return detector;
}

/** Events of workflow `n`: the same story for each. */
export function inWorkflow(n: number, events: readonly JudgedEvent[]): readonly JudgedEvent[] {
  return events.map((event) => ({ ...event, value: { ...event.value, workflowId: `workflow-${n}` } }) as JudgedEvent);
}

export function append(events: readonly JudgedEvent[], to: EventLog = log) {
  return to.append(
    TOPICS.events,
    events.map(({ name, value }) => ({
      key: eventKey(value.tenantId, value.workflowId),
      value: codec.encode(name as 'RunEvent', value as never),
    })),
  );
}

export async function judged(on: EventLog = log): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const [bounds, committed] = await Promise.all([on.bounds(TOPICS.events), on.committed(TOPICS.events, 'detector')]);
    if (bounds.every(({ high }, partition) => (committed[partition] ?? 0) >= high)) return;
    if (Date.now() > deadline)
      throw new Error(`not judged: ${JSON.stringify({ bounds, committed, status: detectors.map((d) => d.status()) })}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function read<T>(topic: string, on: EventLog = log): Promise<readonly T[]> {
  const values: T[] = [];
  for await (const record of on.tail(topic)) {
    const [decoded] = await codec.decode([record]);
    if (decoded?.ok !== true) throw new Error('undecodable output');
    values.push(decoded.record.value as T);
  }
  return values;
}

export const told = (alerts: readonly Alert[]) =>
  alerts.map(({ alertId, revision, severity, cause }) => [alertId, revision, severity, cause].join(' ')).sort();

/** An unknown charge, its repeat by another run, a repeat that fails, a foreign document: four alerts a workflow, one revised. */
export const STORY: readonly JudgedEvent[] = [
  runEvent('run-1', 'started'),
  call('started', { execution: 'a' }),
  call('unknown', { execution: 'a' }),
  retrieval('r', [['d', 'globex']]),
  call('started', { execution: 'b', run: 'run-2' }),
  call('succeeded', { execution: 'b', run: 'run-2' }),
  call('started', { execution: 'c', run: 'run-2', step: 1 }),
  call('failed', { execution: 'c', run: 'run-2', step: 1 }),
];
export const workflows = (count: number) => Array.from({ length: count }, (_, n) => inWorkflow(n, STORY)).flat();

export async function undisturbed(events: readonly JudgedEvent[], options: Partial<DetectorOptions> = {}): Promise<readonly string[]> {
  const other = await openEmbeddedLog({ path: ':memory:' });
  await createTopics(other);
  await append(events, other);
  const detector = await start({ ...options, log: other });
  await judged(other);
  const alerts = told(await read<Alert>(TOPICS.alerts, other));
  await detector.close();
  await other.close();
  return alerts;
}

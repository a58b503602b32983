import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openEmbeddedLog } from '../src/embedded/index.ts';
import type { EventLog } from '../src/port.ts';
import { recordsPerBatch, subscribeJudge } from './children/judge.ts';

const worker = fileURLToPath(new URL('children/worker.ts', import.meta.url));
let path: string;
const children = new Set<ChildProcess>();

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'idemtrace-log-'));
  const log = await openEmbeddedLog({ path });
  const topics = ['in', 'out'].map((name) => ({ name, partitions: 3 }));
  await log.createTopics(topics, [{ topic: 'in', group: 'judge' }]);
  await log.close();
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await rm(path, { recursive: true, force: true });
});

interface Worker {
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly lines: string[];
  /** Its exit code, null where it was killed; it has said all that it will. */
  readonly ended: Promise<number | null>;
}

function startWorker(name: string, batches: number): Worker {
  const child = spawn(process.execPath, [worker, path, name, String(batches)], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.add(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, lines, ended };
}

async function valuesOf(log: EventLog, topic: string): Promise<{ position: string; value: string }[]> {
  const values: { position: string; value: string }[] = [];
  for await (const { partition, offset, value } of log.tail(topic))
    values.push({ position: `${partition}/${offset}`, value: String(value) });
  return values;
}

/** Consumes what is left, then compares: each batch whole or not there at all, each record judged once. */
async function checkWhatIsLeft(acknowledged: readonly string[]): Promise<void> {
  const log = await openEmbeddedLog({ path, pollIntervalMs: 5 });
  const subscription = await subscribeJudge(log);
  await vi.waitFor(
    async () => {
      const ends = (await log.bounds('in')).map(({ high }) => high);
      expect(await log.committed('in', 'judge')).toEqual(ends);
    },
    { timeout: 30_000, interval: 20 },
  );
  await subscription.close();
  const records = await valuesOf(log, 'in');
  const sizes = new Map<string, number>();
  for (const { value } of records) {
    const batch = value.slice(0, value.lastIndexOf('/'));
    sizes.set(batch, (sizes.get(batch) ?? 0) + 1);
  }
  expect([...sizes.values()].filter((size) => size !== recordsPerBatch)).toEqual([]);
  expect(acknowledged.filter((batch) => !sizes.has(batch))).toEqual([]);
  expect(new Set(records.map(({ value }) => value)).size).toBe(records.length);
  const judged = (await valuesOf(log, 'out')).map(({ value }) => value);
  expect(judged.sort()).toEqual(records.map(({ position }) => position).sort());
  await log.close();
}

test('W4: several processes on one file append and consume: nothing lost, nothing twice, each batch in one piece', async () => {
  const workers = ['a', 'b', 'c'].map((name) => startWorker(name, 60));
  await vi.waitFor(() => expect(workers.map(({ lines }) => lines.length)).toEqual([61, 61, 61]), { timeout: 30_000, interval: 20 });
  for (const { child } of workers) child.stdin?.end();
  expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([0, 0, 0]);
  await checkWhatIsLeft(['a', 'b', 'c'].flatMap((name) => Array.from({ length: 60 }, (_, batch) => `${name}/${batch}`)));
});

test('W4: kill -9 at any moment loses no acknowledged record, tears no batch, and outputs come exactly once', async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
  console.log(`seed ${seed}`);
  const delays = fc.sample(fc.integer({ min: 0, max: 80 }), { numRuns: 20, seed });
  const acknowledged: string[] = [];
  for (const [round, delay] of delays.entries()) {
    const { child, lines, ended } = startWorker(`r${round}`, 1_000_000);
    await vi.waitFor(() => expect(lines.length).toBeGreaterThan(0), { timeout: 30_000, interval: 5 });
    await sleep(delay);
    child.kill('SIGKILL');
    expect(await ended).toBeNull();
    acknowledged.push(...lines.slice(1).map((batch) => `r${round}/${batch}`));
  }
  expect(acknowledged.length).toBeGreaterThan(0);
  await checkWhatIsLeft(acknowledged);
});

test('what another process appends wakes followers and consumers of this one', async () => {
  const log = await openEmbeddedLog({ path, pollIntervalMs: 5 });
  const ending = new AbortController();
  const followed: string[] = [];
  const following = (async () => {
    for await (const { value } of log.tail('in', { follow: true, signal: ending.signal })) followed.push(String(value));
  })();
  const consumed: string[] = [];
  const subscription = await log.subscribe({ topic: 'in', group: 'other' }, async (_, batch) => {
    consumed.push(...batch.records.map(({ value }) => String(value)));
  });
  const { child, ended } = startWorker('a', 2);
  await vi.waitFor(() => expect([followed.length, consumed.length]).toEqual([2 * recordsPerBatch, 2 * recordsPerBatch]), {
    timeout: 30_000,
    interval: 20,
  });
  child.stdin?.end();
  expect(await ended).toBe(0);
  ending.abort();
  await following;
  await subscription.close();
  await log.close();
  expect(consumed.sort()).toEqual(followed.sort());
});

test('processes that create one log at the same time make one log', async () => {
  const fresh = join(path, 'fresh');
  const script = `import { openEmbeddedLog } from ${JSON.stringify(new URL('../src/embedded/index.ts', import.meta.url).href)};
    const log = await openEmbeddedLog({ path: ${JSON.stringify(fresh)} });
    await log.createTopics([{ name: 'in', partitions: 3 }]);
    console.log(log.id); await log.close();`;
  const outputs = await Promise.all(
    [1, 2, 3, 4].map(async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      children.add(child);
      let output = '';
      child.stdout.on('data', (chunk) => {
        output += chunk;
      });
      const [code] = await once(child, 'close');
      return `${code} ${output.trim()}`;
    }),
  );
  const log = await openEmbeddedLog({ path: fresh });
  expect(new Set(outputs)).toEqual(new Set([`0 ${log.id}`]));
  await log.close();
});

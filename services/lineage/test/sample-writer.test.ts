import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectLineage, createSampleWriter, migrate, type SampleWriterOptions } from '../src/index.ts';
import { startTestEngine, type TestEngine } from './support/engine.ts';
import { eventually } from './support/sink-story.ts';

let engine: TestEngine;
let client: ClickHouseClient;
beforeAll(async () => {
  engine = await startTestEngine();
  client = await engine.database('samples');
  await migrate(client);
});
afterAll(async () => {
  await engine.stop();
});

let processes = 0;
function writerOf(over: Partial<SampleWriterOptions> = {}) {
  processes += 1;
  const process = `host/${processes}`;
  const writer = createSampleWriter({
    client,
    kind: 'detector',
    process,
    intervalMs: 5,
    read: () => [{ metric: 'lag', partition: 3, value: 12 }],
    ...over,
  });
  return { writer, process };
}

async function rowsOf(process: string): Promise<readonly Record<string, unknown>[]> {
  const result = await client.query({
    query: `SELECT toUnixTimestamp64Milli(time) AS time, kind, metric, partition, value FROM operational_samples
      WHERE process = {process:String} ORDER BY time, metric`,
    query_params: { process },
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    format: 'JSONEachRow',
  });
  return result.json();
}

test('values are written with their time, and those of no partition as of the process', async () => {
  const at = Date.now();
  let reads = 0;
  const { writer, process } = writerOf({
    clock: () => at,
    read: () =>
      ++reads === 1
        ? [
            { metric: 'lag', partition: 3, value: 12 },
            { metric: 'window_bytes', value: 1.5e9 },
            { metric: 'batch_ms_p50', value: Number.NaN },
          ]
        : [],
  });
  await eventually(() => writer.status().written === 2);
  writer.close();
  const [first] = await rowsOf(process);
  expect(first).toMatchObject({ time: at, kind: 'detector', metric: 'lag', partition: 3, value: 12 });
  expect(await rowsOf(process)).toEqual(
    expect.arrayContaining([expect.objectContaining({ metric: 'window_bytes', partition: -1, value: 1.5e9 })]),
  );
  expect((await rowsOf(process)).some(({ metric }) => metric === 'batch_ms_p50')).toBe(false);
});

test('what ClickHouse does not take is counted and given up, and the next interval is tried as ever', async () => {
  const away = connectLineage({ url: 'http://127.0.0.1:1', username: 'nobody', password: '' });
  const { writer } = writerOf({ client: away });
  await eventually(() => writer.status().dropped >= 3);
  expect(writer.status()).toMatchObject({ written: 0, lastError: 'ECONNREFUSED' });
  writer.close();
  await away.close();
});

test('how many were dropped is a sample itself, once ClickHouse is back', async () => {
  const lost = connectLineage({ url: 'http://127.0.0.1:1', username: 'nobody', password: '' });
  let inserts = 0;
  const flaky = new Proxy(client, {
    get(target, property) {
      if (property !== 'insert') return Reflect.get(target, property, target);
      return (insert: Parameters<ClickHouseClient['insert']>[0]) => (++inserts <= 2 ? lost.insert(insert) : target.insert(insert));
    },
  });
  const { writer, process } = writerOf({ client: flaky });
  await eventually(() => writer.status().written > 0);
  writer.close();
  expect(await rowsOf(process)).toEqual(expect.arrayContaining([expect.objectContaining({ metric: 'samples_dropped', value: 2 })]));
  await lost.close();
});

test('a source that throws costs its interval alone', async () => {
  let reads = 0;
  const { writer } = writerOf({
    read: () => {
      if (++reads === 1) throw new TypeError('not now');
      return [{ metric: 'lag', partition: 0, value: 1 }];
    },
  });
  await eventually(() => writer.status().written > 0);
  expect(writer.status()).toMatchObject({ lastError: 'TypeError' });
  expect(writer.status().missed).toBeGreaterThanOrEqual(1);
  writer.close();
});

test('a server that never answers costs one connection: intervals are missed, nothing piles up, and closing does not wait', async () => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const silent = connectLineage({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, username: 'nobody', password: '' });
  let reads = 0;
  const { writer } = writerOf({
    client: silent,
    read: () => {
      reads += 1;
      return [{ metric: 'lag', partition: 0, value: 1 }];
    },
  });
  await eventually(() => writer.status().missed >= 5);
  expect(reads).toBe(1);
  writer.close();
  await silent.close();
  server.closeAllConnections();
  server.close();
});

test('a source that never answers does not keep the writer from closing', async () => {
  const { writer } = writerOf({ read: () => new Promise(() => undefined) });
  await eventually(() => writer.status().missed >= 1);
  writer.close();
  expect(writer.status().written).toBe(0);
});

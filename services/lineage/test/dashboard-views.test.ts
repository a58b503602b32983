import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestEngine, type TestEngine } from './support/engine.ts';
import { openPipeline, type TestPipeline } from './support/pipeline.ts';
import { alert, toolCall, uuid } from './support/story.ts';

const DAY = 86_400_000;
const ACME = "['61636D65']";

let engine: TestEngine;
let pipeline: TestPipeline;
let now: number;
beforeAll(async () => {
  engine = await startTestEngine();
  pipeline = await openPipeline(engine);
  now = Date.now();
  await pipeline.append(
    { name: 'ToolCallEvent', value: toolCall({ executionId: uuid(1, 1) }) },
    { name: 'ToolCallEvent', value: toolCall({ executionId: uuid(1, 1), phase: 'succeeded' }) },
    { name: 'ToolCallEvent', value: toolCall({ executionId: uuid(1, 1), phase: 'succeeded' }) },
    { name: 'ToolCallEvent', value: toolCall({ executionId: uuid(1, 2), phase: 'replayed' }) },
    { name: 'Alert', value: alert({ alertId: 'now', logTime: now, revision: 7, severity: 'info' }) },
    { name: 'Alert', value: alert({ alertId: 'now', logTime: now, revision: 3, severity: 'critical' }) },
    { name: 'Alert', value: alert({ alertId: 'before', logTime: now - DAY }) },
  );
  const sink = pipeline.sink();
  await sink.drain();
  await sink.close();
});
afterAll(async () => {
  await pipeline.close();
  await engine.stop();
});

async function rows(query: string, timeZone = 'UTC'): Promise<readonly Record<string, unknown>[]> {
  const result = await pipeline.client.query({
    query,
    format: 'JSONEachRow',
    clickhouse_settings: { session_timezone: timeZone, output_format_json_quote_64bit_integers: 0 },
  });
  return result.json();
}

const span = (from: number, to: number) => `tenantsHex = ${ACME}, fromMs = ${from}, toMs = ${to}`;

test('an alert counts once, at its current revision', async () => {
  const found = await rows(`SELECT alertId, revision, severity FROM dashboard_alerts(${span(now - 1_000, now + 1_000)})`);
  expect(found).toEqual([{ alertId: 'now', revision: 7, severity: 'info' }]);
});

test.each(['UTC', 'Asia/Tokyo', 'America/Los_Angeles'])('the span is the same whatever the time zone of who asks: %s', async (timeZone) => {
  const count = async (from: number, to: number) =>
    (await rows(`SELECT count() AS n FROM dashboard_alerts(${span(from, to)})`, timeZone))[0]?.n;
  expect(await count(now, now + 1)).toBe(1);
  expect(await count(now + 1, now + DAY)).toBe(0);
  expect(await count(now - 1_000, now)).toBe(0);
});

test('an execution counts once, whatever its phases and redeliveries; what the ledger answered is none', async () => {
  const found = await rows(`SELECT toString(executionId) AS id, phase FROM dashboard_executions(${span(now - DAY, now + DAY)})`);
  expect(found).toEqual([{ id: uuid(1, 1), phase: 'started' }]);
});

test('T1: without a tenant there is no row, and without the parameter no answer', async () => {
  expect(await rows(`SELECT * FROM dashboard_alerts(tenantsHex = [], fromMs = 0, toMs = ${now + DAY})`)).toEqual([]);
  await expect(rows(`SELECT * FROM dashboard_alerts(fromMs = 0, toMs = ${now + DAY})`)).rejects.toThrow();
  await expect(rows('SELECT * FROM dashboard_alerts')).rejects.toThrow();
});

test('a counter that falls has started anew, and what came before the first sample is not counted', async () => {
  const values = [500, 510, 530, 4, 10].map((value, turn) => [now + turn * 10_000, 'detector', 'host/1', 'events_judged', -1, value]);
  await pipeline.client.insert({
    table: 'operational_samples',
    columns: ['time', 'kind', 'process', 'metric', 'partition', 'value'],
    values,
    format: 'JSONCompactEachRow',
  });
  const found = await rows(
    `SELECT added FROM dashboard_counted(metrics = ['events_judged'], fromMs = ${now}, toMs = ${now + DAY}) ORDER BY time`,
  );
  expect(found.map(({ added }) => added)).toEqual([0, 10, 20, 4, 6]);
});

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Metric } from '../src/telemetry/metric.ts';
import { METRICS } from '../src/telemetry/metrics.ts';
import { signalsOf } from '../src/telemetry/settings.ts';
import { startTelemetry } from '../src/telemetry/start.ts';
import { withTables } from '../src/telemetry/table.ts';

const OTLP = 'http://127.0.0.1:4318';
const [on, off] = [true, false];

test.each<[string, Record<string, string>, boolean, boolean]>([
  ['nothing is set', {}, off, off],
  ['only a name is set', { OTEL_SERVICE_NAME: 'x' }, off, off],
  ['an endpoint for both', { OTEL_EXPORTER_OTLP_ENDPOINT: OTLP }, on, on],
  ['an empty endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, off, off],
  ['an endpoint for one', { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: OTLP }, off, on],
  ['an exporter for one', { OTEL_TRACES_EXPORTER: 'console' }, on, off],
  ['one of two is none', { OTEL_EXPORTER_OTLP_ENDPOINT: OTLP, OTEL_TRACES_EXPORTER: 'none' }, off, on],
  ['both are none', { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' }, off, off],
  ['disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: OTLP, OTEL_SDK_DISABLED: 'TRUE' }, off, off],
  ['a configuration file', { OTEL_CONFIG_FILE: 'otel.yaml' }, on, on],
])('telemetry is on where the standard variables say so: %s', (_, env, traces, metrics) => {
  expect(signalsOf(env)).toEqual({ traces, metrics });
});

test('off, it is nothing', async () => {
  const logger = { info() {}, warn() {}, error() {} };
  expect(await startTelemetry({ part: 'detector', env: {}, logger })).toBeUndefined();
});

test('off, none of its libraries is loaded', () => {
  const script = `
    const loaded = [];
    const { registerHooks } = await import('node:module');
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { startTelemetry } = await import(${JSON.stringify(join(import.meta.dirname, '../src/telemetry/index.ts'))});
    await startTelemetry({ part: 'detector', env: {}, logger: console });
    console.log(loaded.filter((url) => url.includes('opentelemetry')).length, loaded.some((url) => url.includes('start.ts')));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  expect([stdout.trim(), stderr]).toEqual(['0 true', '']);
});

test('the document lists what the table does', () => {
  const document = readFileSync(join(import.meta.dirname, '../docs/telemetry.md'), 'utf8');
  // To mend it: node services/idemtrace/scripts/telemetry-docs.ts
  expect(document).toBe(withTables(document));
});

test('T1: no attribute of a metric names a tenant, a workflow, a run, an agent or a document', () => {
  const attributes = Object.values<Metric>(METRICS).flatMap((metric) => Object.keys(metric.attributes));
  expect(attributes.length).toBeGreaterThan(5);
  expect(attributes.filter((name) => /tenant|workflow|run|agent|document|tool|execution/.test(name))).toEqual([]);
});

test('units and buckets go with instruments', () => {
  for (const [name, { instrument, unit, buckets }] of Object.entries<Metric>(METRICS)) {
    expect([name, buckets !== undefined]).toEqual([name, instrument === 'histogram']);
    if (name.endsWith('.duration')) expect(unit).toBe('s');
    if (instrument === 'counter') expect(unit).toMatch(/^\{[a-z-]+\}$/);
  }
});

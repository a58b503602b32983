import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { trace } from '@opentelemetry/api';
import { expect, test } from 'vitest';
import { startTelemetry } from '../src/telemetry/start.ts';
import { withVariables } from './telemetry-receiver.ts';

test('a collector that is away costs telemetry, and nothing else: it is told, not thrown, and the end does not wait for it', async () => {
  // A port that nobody listens on.
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));

  const restore = withVariables({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_TIMEOUT: '200',
  });
  try {
    const told: (readonly [fields: unknown, message: unknown])[] = [];
    const say = (fields: unknown, message: unknown) => void told.push([fields, message]);
    const telemetry = await startTelemetry({ part: 'gateway', env: process.env, logger: { info: say, warn: say, error: say } });
    if (telemetry === undefined) throw new Error('telemetry is off');
    const gateway = telemetry.gateway();
    gateway.onRequest({ status: 200, format: 'json', durationMs: 1 });
    gateway.read(() => {
      throw new Error('secret-4711');
    });
    trace.getTracer('test').startSpan('lost').end();
    await telemetry.shutdown();
    expect(told.length).toBeGreaterThan(0);
    expect(told.every(([fields]) => (fields as { service: string }).service === 'telemetry')).toBe(true);
    expect(JSON.stringify(told)).not.toContain('secret-4711');
  } finally {
    restore();
  }
});

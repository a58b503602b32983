/**
 * Requests and events a second over HTTP on loopback: into a log that takes everything at once, and into the embedded log on this machine's
 * disk. The client shares the gateway's process and so its core: what a gateway does alone is more.
 * Usage: node services/gateway/bench/gateway.ts [--seconds 3] [--connections 16] [--json]
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createCodec, fileRegistry, fromJson, type ToolCallEvent, toJson } from '@idemtrace/schemas';
import type { EventLog } from '@idemtrace/stream';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { AVRO_BATCH, createGateway, serveGateway, writeFrames } from '../src/index.ts';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '16' },
    json: { type: 'boolean', default: false },
  },
});
const SECONDS = Number(options.seconds);
const CONNECTIONS = Number(options.connections);
const codec = await createCodec({ registry: fileRegistry() });
const digest = (bytes: number) => ({ hashKeyId: 'k1', digest: randomBytes(bytes).toString('base64url') });

/** As large as an instrumented tool call with eight arguments makes it. */
function event(index: number): ToolCallEvent {
  const parsed = fromJson('ToolCallEvent', {
    tenantId: 'acme',
    workflowId: `workflow-${index >> 4}`,
    runId: `run-${index >> 3}`,
    attempt: 1,
    stepIndex: index % 8,
    executionId: randomUUID(),
    phase: 'succeeded',
    tool: `tool_${index % 20}`,
    effectName: `tool_${index % 20}`,
    effectClass: 'write',
    effectClassSource: 'code',
    inputHashes: [digest(32)],
    effectKey: { digests: [digest(32)], scope: 'workflow', source: 'declared' },
    executionCount: 1,
    leafHashKeyId: 'k1',
    argumentDigests: Array.from({ length: 8 }, (_, leaf) => ({
      path: `order.field_${'abcdefgh'[leaf]}`,
      digest: digest(8).digest,
      kind: 'word',
    })),
    resultHashes: [digest(32)],
    durationMs: 12.5,
    occurredAt: 1_760_000_000_000,
    emitterId: '018f2f6e-0000-7000-8000-000000000001',
    sequence: index,
  });
  if (!parsed.ok || parsed.record.name !== 'ToolCallEvent') throw new Error(parsed.ok ? 'another record' : parsed.detail);
  return parsed.record.value;
}

const BODIES = {
  json: (events: readonly ToolCallEvent[]) => ({
    type: 'application/json',
    body: Buffer.from(
      JSON.stringify({ events: events.map((value) => ({ name: 'ToolCallEvent', value: toJson({ name: 'ToolCallEvent', value }) })) }),
    ),
  }),
  avro: (events: readonly ToolCallEvent[]) => ({
    type: AVRO_BATCH,
    body: writeFrames(events.map((value) => ({ value: codec.encode('ToolCallEvent', value), headers: [] }))),
  }),
};

interface Figure {
  readonly log: string;
  readonly format: string;
  readonly batch: number;
  readonly bytes: number;
  readonly requestsPerSecond: number;
  readonly eventsPerSecond: number;
  /** Of client and gateway together: what a busy machine leaves as it is. */
  readonly cpuMicrosPerRequest: number;
}

async function measure(log: Pick<EventLog, 'append'>, name: string, format: keyof typeof BODIES, batch: number): Promise<Figure> {
  const gateway = createGateway({
    log,
    codec,
    topic: 'events',
    keys: [{ tenantId: 'acme', key: 'bench' }],
    ready: async () => ({ ready: true, waitingFor: null }),
  });
  const served = await serveGateway(gateway, { host: '127.0.0.1', port: 0 });
  const { type, body } = BODIES[format](Array.from({ length: batch }, (_, index) => event(index)));
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const headers = { authorization: 'Bearer bench', 'content-type': type, 'content-length': body.length };
  const post = () =>
    new Promise<void>((resolve, reject) => {
      const sending = request(`${served.url}/v1/events`, { method: 'POST', agent, headers }, (response) => {
        response.resume().once('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`))));
      });
      sending.once('error', reject).end(body);
    });
  const run = async (seconds: number) => {
    let requests = 0;
    const end = performance.now() + seconds * 1000;
    const connection = async () => {
      for (; performance.now() < end; requests++) await post();
    };
    const start = performance.now();
    const cpu = process.cpuUsage();
    await Promise.all(Array.from({ length: CONNECTIONS }, connection));
    const { user, system } = process.cpuUsage(cpu);
    return { perSecond: requests / ((performance.now() - start) / 1000), cpuMicros: (user + system) / requests };
  };
  await run(Math.min(1, SECONDS / 3));
  const { perSecond, cpuMicros } = await run(SECONDS);
  const requestsPerSecond = Math.round(perSecond);
  agent.destroy();
  await served.close();
  return {
    log: name,
    format,
    batch,
    bytes: body.length,
    requestsPerSecond,
    eventsPerSecond: requestsPerSecond * batch,
    cpuMicrosPerRequest: Math.round(cpuMicros),
  };
}

const folder = await mkdtemp(join(tmpdir(), 'idemtrace-gateway-bench-'));
const embedded = await openEmbeddedLog({ path: folder });
await embedded.createTopics([{ name: 'events', partitions: 6 }]);
const logs = { 'in memory': { append: async () => [] }, embedded };
const figures: Figure[] = [];
try {
  for (const [name, log] of Object.entries(logs))
    for (const format of ['json', 'avro'] as const) for (const batch of [1, 50, 500]) figures.push(await measure(log, name, format, batch));
} finally {
  await embedded.close();
  await rm(folder, { recursive: true, force: true });
}
if (options.json) console.log(JSON.stringify({ node: process.version, connections: CONNECTIONS, figures }));
else console.table(figures);

/**
 * Rows a second from an embedded log into the embedded ClickHouse engine, through decoding, rows, insert and commit.
 * Usage: node services/lineage/bench/sink.ts [events] [partitions]
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCodec, eventKey, fileRegistry, type ToolCallEvent } from '@idemtrace/schemas';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { startEmbeddedEngine } from '../src/embedded/index.ts';
import { connectLineage, createLineageSink, migrate } from '../src/index.ts';
import { toolCall } from '../test/support/story.ts';

const EVENTS = Number(process.argv[2] ?? 200_000);
const PARTITIONS = Number(process.argv[3] ?? 6);
const LEAVES = 8;
const topics = { events: 'idemtrace.events', alerts: 'idemtrace.alerts', deadLetters: 'idemtrace.dead-letters' };

function digest(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}

/** One phase of an execution, as large as an instrumented tool call with eight arguments makes it. */
function event(index: number): ToolCallEvent {
  const execution = index >> 1;
  return toolCall({
    tenantId: `tenant-${execution % 3}`,
    workflowId: `workflow-${execution >> 4}`,
    runId: `run-${execution >> 3}`,
    executionId: executionIds[execution] ?? '',
    phase: index % 2 === 0 ? 'started' : 'succeeded',
    tool: `tool_${execution % 20}`,
    effectName: `tool_${execution % 20}`,
    inputHashes: [{ hashKeyId: 'k1', digest: digest(32) }],
    effectKey: { digests: [{ hashKeyId: 'k1', digest: digest(32) }], scope: 'workflow', source: 'declared' },
    resultHashes: index % 2 === 0 ? [] : [{ hashKeyId: 'k1', digest: digest(32) }],
    leafHashKeyId: 'k1',
    durationMs: index % 2 === 0 ? null : 12.5,
    argumentDigests: Array.from({ length: LEAVES }, (_, leaf) => ({
      path: `order.field_${'abcdefgh'[leaf]}`,
      digest: digest(8),
      kind: 'word' as const,
    })),
    sequence: index,
  });
}

/** CPU seconds that a process has used so far; undefined where the system does not say. */
async function cpuSecondsOf(pid: number | undefined): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined ? undefined : (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory of a process in MiB. */
async function residentMibOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024);
}

const executionIds = Array.from({ length: Math.ceil(EVENTS / 2) }, () => randomUUID());
const folder = await mkdtemp(join(tmpdir(), 'idemtrace-bench-'));
const log = await openEmbeddedLog({ path: join(folder, 'log'), synchronous: 'normal' });
const engine = await startEmbeddedEngine({ path: join(folder, 'lineage') });
const client = connectLineage({ url: engine.url, username: engine.username, password: engine.password });
const codec = await createCodec({ registry: fileRegistry() });
await migrate(client);
await log.createTopics(
  Object.values(topics).map((name) => ({ name, partitions: PARTITIONS })),
  Object.values(topics).map((topic) => ({ topic, group: 'bench' })),
);
let bytes = 0;
for (let start = 0; start < EVENTS; start += 1_000) {
  const records = Array.from({ length: Math.min(1_000, EVENTS - start) }, (_, i) => {
    const value = event(start + i);
    const encoded = codec.encode('ToolCallEvent', value);
    bytes += encoded.length;
    return { key: eventKey(value.tenantId, value.workflowId), value: encoded };
  });
  await log.append(topics.events, records);
}

const [cpuBefore, engineBefore] = [process.cpuUsage(), await cpuSecondsOf(engine.pid)];
const startedAt = performance.now();
const sink = createLineageSink({ log, codec, client, topics, group: 'bench' });
await sink.drain();
const seconds = (performance.now() - startedAt) / 1_000;
const cpu = process.cpuUsage(cpuBefore);
const engineCpu = ((await cpuSecondsOf(engine.pid)) ?? Number.NaN) - (engineBefore ?? Number.NaN);
const parts = await client.query({
  query: 'SELECT sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND table = {table:String}',
  query_params: { table: 'tool_call_events' },
  format: 'JSONEachRow',
});
const [disk] = await parts.json<{ rows: string; bytes: string }>();
console.log(
  JSON.stringify({
    events: EVENTS,
    bytesPerEvent: Math.round(bytes / EVENTS),
    seconds: Number(seconds.toFixed(2)),
    eventsPerSecond: Math.round(EVENTS / seconds),
    sinkCpuMicrosPerEvent: Number(((cpu.user + cpu.system) / EVENTS).toFixed(1)),
    engineCpuMicrosPerEvent: Number(((engineCpu * 1e6) / EVENTS).toFixed(1)),
    sinkRssMib: Math.round(process.memoryUsage.rss() / 2 ** 20),
    engineRssMib: await residentMibOf(engine.pid),
    rows: Number(disk?.rows),
    bytesOnDiskPerRow: Math.round(Number(disk?.bytes) / Number(disk?.rows)),
    status: sink.status(),
  }),
);
await sink.close();
await client.close();
await engine.stop();
await log.close();
await rm(folder, { recursive: true, force: true });

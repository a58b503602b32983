/**
 * The embedded pipeline under load: events made by the SDK's builder, appended, judged, stored in lineage, all in this process and the
 * engine's.
 *
 * usage: embedded.ts [--events N] [--lineage on|off] [--ahead] [--json]      (node --expose-gc, so that memory is measured after a collection)
 *
 * --ahead: the events are made before the clock starts, as where agents are processes of their own; without it they are made meanwhile, in this process
 *
 * Prints events/s from the first append to the last row stored, where this process' time goes, and bytes of memory per live execution.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EMPTY_POLICY } from '@idemtrace/schemas';
import { createEventBuilder, type EmittedEvent, RunTracker } from '@idemtrace/sdk/internal';
import { type Logger, openPipeline, resolveConfig } from 'idemtrace/internal';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '200000' },
    lineage: { type: 'string', default: 'on' },
    ahead: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const target = Number(values.events);

const CALLS_PER_RUN = 8;
const APPEND = 1000;
const MOST_LAG = 20_000;

/** Runs of eight calls with eight arguments each; every tenth call repeats the one before it, every twentieth event is a retrieval. */
function* load(events: number): Generator<EmittedEvent> {
  let sequence = 0;
  const builder = createEventBuilder({
    hashKey: { id: 'bench', secret: 'a secret of the bench, long enough' },
    policy: { ...EMPTY_POLICY, version: 'bench', defaultEffect: 'write', tools: [{ match: 'get_*', effect: 'read' }] },
    origin: () => ({ emitterId: '018f2f6e-0000-7000-8000-000000000001', sequence: sequence++ }),
  });
  const uuid = (kind: number, n: number) => `018f2f6e-${kind.toString(16).padStart(4, '0')}-7000-8000-${n.toString(16).padStart(12, '0')}`;
  for (let run = 0; sequence < events; run++) {
    const identity = {
      tenantId: `tenant-${run % 50}`,
      workflowId: `workflow-${run >> 1}`,
      runId: `run-${run}`,
      attempt: (run & 1) + 1,
      agentId: 'bench-agent',
    };
    const tracker = new RunTracker();
    const at = { occurredAt: 1_760_000_000_000 + run };
    yield builder.runEvent(identity, 'started', at);
    for (let step = 0; step < CALLS_PER_RUN; step++) {
      const n = run * CALLS_PER_RUN + step;
      const same = n % 10 === 9 ? n - 1 : n;
      const input = {
        order_id: `order-${same}`,
        customer: { name: 'A Customer', email: `c${same % 997}@example.com` },
        amount: same % 500,
        currency: 'EUR',
        items: [{ sku: `sku-${same % 89}`, count: 2 }],
        note: 'as discussed',
      };
      const call = builder.prepareCall(
        identity,
        { tool: n % 4 === 0 ? 'get_order' : 'create_order', input, stepIndex: step, executionId: uuid(1, n) },
        tracker,
      );
      yield builder.started(call, at);
      if (n % 10 === 3) {
        const documents = Array.from({ length: 5 }, (_, i) => ({
          id: `doc-${(n * 7 + i) % 1000}`,
          tenantId: identity.tenantId,
          score: 0.5,
        }));
        yield builder.retrievalEvent(
          identity,
          {
            retrievalId: uuid(2, n),
            stepIndex: step,
            executionId: uuid(1, n),
            dataSource: 'kb',
            query: { text: `question ${n}` },
            documents,
          },
          at,
        );
      }
      yield builder.settled(call, 'succeeded', { ...at, durationMs: 12 }, { value: { id: n, status: 'created', total: n % 500 } });
    }
    yield builder.runEvent(identity, 'ended', at, 'succeeded');
  }
}

const quiet: Logger = {
  info() {},
  warn: (fields, message) => console.error(message, fields),
  error: (fields, message) => console.error(message, fields),
};
const folder = mkdtempSync(join(tmpdir(), 'idemtrace-bench-'));
const policyFile = join(folder, 'policy.yaml');
writeFileSync(policyFile, 'version: bench\ndefaultEffect: write\ntools:\n  "get_*": { effect: read }\n');
const resolved = resolveConfig({
  env: {},
  flags: { dataDir: folder, policy: policyFile, 'lineage.mode': values.lineage },
  cwd: folder,
  readFile: () => '',
});
if (!resolved.ok) throw new Error('bad configuration');
const pipeline = await openPipeline({ config: resolved.config, logger: quiet });
const heap = async () => (await pipeline.detector.status()).heapBytes;

const source = values.ahead ? [...load(target)].values() : load(target);
const heapBefore = await heap();
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
let events = 0;
let executions = 0;
let making = 0;
let appending = 0;
for (let isDone = false; !isDone; ) {
  const batch: EmittedEvent[] = [];
  const makeAt = performance.now();
  while (batch.length < APPEND) {
    const next = source.next();
    if (next.done === true) {
      isDone = true;
      break;
    }
    if (next.value.name === 'ToolCallEvent' && next.value.value.phase === 'started') executions += 1;
    batch.push(next.value);
  }
  const appendAt = performance.now();
  making += appendAt - makeAt;
  await pipeline.append(batch);
  appending += performance.now() - appendAt;
  events += batch.length;
  while ((await pipeline.lag()) > MOST_LAG) await new Promise((resolve) => setTimeout(resolve, 1));
}
const appendedAt = performance.now();
await pipeline.drained();
const seconds = (performance.now() - startedAt) / 1000;
const cpu = process.cpuUsage(cpuBefore);
const heapAfter = await heap();
const { counters } = await pipeline.detector.status();
const result = {
  events,
  executions,
  lineage: pipeline.lineage.on,
  madeAhead: values.ahead,
  eventsPerSecond: Math.round(events / seconds),
  seconds: Number(seconds.toFixed(2)),
  secondsAfterLastAppend: Number((seconds - (appendedAt - startedAt) / 1000).toFixed(2)),
  cpuSecondsOfThisProcess: Number(((cpu.user + cpu.system) / 1e6).toFixed(2)),
  secondsMakingEvents: Number((making / 1000).toFixed(2)),
  secondsAppending: Number((appending / 1000).toFixed(2)),
  alerts: Object.values(counters.alerts).reduce((sum, bySeverity) => sum + Object.values(bySeverity).reduce((a, b) => a + b, 0), 0),
  heapBytesPerLiveExecution: Math.round((heapAfter - heapBefore) / executions),
  rssMiB: Math.round(process.memoryUsage().rss / 1_048_576),
};
console.log(values.json ? JSON.stringify(result) : result);
await pipeline.close();
rmSync(folder, { recursive: true, force: true });

/**
 * The Redis windows under load, alone: no log, no codec, no rules. Executions of two phases, eight to a run, two runs to a workflow; every tenth
 * repeats the one before it. A thousand workflows go on at once, so that a batch has an event or two of each.
 *
 * usage: redis-windows.ts --url redis://127.0.0.1:6379 [--executions 1000000] [--batch 500] [--active 1000]
 *
 * Empties that Redis first. Prints one table: events/s of `apply` as this process sees it, CPU of Redis and of this process, memory of Redis
 * per live execution, and how much came back.
 */
import { hash } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { ToolCallEvent } from '@idemtrace/schemas';
import { Redis } from 'ioredis';
import { contentDigest } from '../src/content-digest.ts';
import { factOf, historiesOf, type JudgedEvent } from '../src/domain/fact.ts';
import { connectRedisWindows } from '../src/windows/redis/index.ts';

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'redis://127.0.0.1:6379' },
    executions: { type: 'string', default: '1000000' },
    batch: { type: 'string', default: '500' },
    active: { type: 'string', default: '1000' },
  },
});
const [target, size, active] = [values.executions, values.batch, values.active].map(Number) as [number, number, number];

const CALLS_PER_RUN = 8;
const RUNS = 2;
const uuid = (kind: number, n: number) => {
  const tail = hash('sha256', `${kind} ${n}`, 'hex');
  return `018f2f6e-${kind.toString(16).padStart(4, '0')}-7${tail.slice(0, 3)}-8${tail.slice(3, 6)}-${tail.slice(6, 18)}`;
};
const keyed = (text: string) => [{ hashKeyId: 'k1', digest: hash('sha256', text, 'base64url') }];

function* workflow(number: number): Generator<JudgedEvent> {
  for (let run = 0; run < RUNS; run++) {
    for (let step = 0; step < CALLS_PER_RUN; step++) {
      const n = (number * RUNS + run) * CALLS_PER_RUN + step;
      const same = n % 10 === 9 ? n - 1 : n;
      const value: ToolCallEvent = {
        tenantId: `tenant-${number % 50}`,
        workflowId: `workflow-${number}`,
        runId: uuid(3, number * RUNS + run),
        attempt: run + 1,
        parentRunId: null,
        conversationId: null,
        agentId: 'billing-agent',
        agentVersion: null,
        occurredAt: 1_760_000_000_000,
        emitterId: uuid(4, 0),
        sequence: 0,
        policyVersion: null,
        traceId: null,
        stepIndex: step,
        toolCallId: `call_${n}`,
        executionId: uuid(1, n),
        parentExecutionId: null,
        phase: 'started',
        tool: same % 4 === 0 ? 'get_order' : 'create_order',
        effectName: same % 4 === 0 ? 'get_order' : 'create_order',
        effectClass: same % 4 === 0 ? 'read' : 'write',
        effectClassSource: 'policy',
        inputHashes: keyed(`input ${same}`),
        unhashable: null,
        effectKey: { digests: keyed(`order ${same}`), scope: 'workflow', source: 'inferred' },
        occurrences: [],
        approvals: [],
        downstreamKeys: [],
        executionCount: 1,
        precedingCalls: keyed(`before ${n}`),
        leafHashKeyId: null,
        argumentDigests: [],
        argumentDigestsOmitted: 0,
        resultHashes: [],
        groundedOn: [],
        poll: null,
        deadlineMs: null,
        durationMs: null,
        ledger: null,
        disclosed: [],
      };
      yield { name: 'ToolCallEvent', value };
      yield { name: 'ToolCallEvent', value: { ...value, phase: 'succeeded', resultHashes: keyed(`result ${n}`), durationMs: 12 } };
    }
  }
}

const redis = new Redis(values.url);
await redis.flushall();
const info = async (section: string, field: string) => {
  const text = await redis.info(section);
  return text.match(new RegExp(`^${field}:(.*)\r?$`, 'm'))?.[1] ?? '';
};
const cpuSeconds = async () =>
  Number(await info('cpu', 'used_cpu_user_main_thread')) + Number(await info('cpu', 'used_cpu_sys_main_thread'));
const cpuBefore = await cpuSeconds();
const memoryBefore = Number(await info('memory', 'used_memory'));
const windows = await connectRedisWindows({ url: values.url, windowMs: 86_400_000 });
await windows.begin(0, { windowId: 'bench', lo: 0, committed: 0, completeFrom: 0 });

const open: Generator<JudgedEvent>[] = [];
let next = 0;
let offset = 0;
let seconds = 0;
let own = 0;
let answered = 0;
let executions = 0;
const events = target * 2;
while (offset < events) {
  const batch: { readonly event: JudgedEvent; readonly offset: number }[] = [];
  while (batch.length < size && offset + batch.length < events) {
    const at = (offset + batch.length) % active;
    let step = open[at]?.next();
    if (step === undefined || step.done === true) {
      const fresh = workflow(next++);
      open[at] = fresh;
      step = fresh.next();
    }
    if (step.done === true) throw new Error('a workflow without events');
    batch.push({ event: step.value, offset: offset + batch.length });
  }
  const positioned = batch.map(({ event, offset }) => {
    const logTime = 1_760_000_000_000 + Math.floor(offset / 50);
    return { event, fact: factOf({ event, partition: 0, offset, logTime, contentDigest: contentDigest(event) }) };
  });
  const facts = positioned.map(({ event, fact }) => ({
    workflow: `${event.value.tenantId}/${event.value.workflowId}`,
    histories: historiesOf(event),
    fact,
  }));
  const startedAt = performance.now();
  const cpuAt = process.cpuUsage();
  const applied = await windows.apply({
    partition: 0,
    windowId: 'bench',
    from: offset,
    to: offset + batch.length,
    committed: offset,
    facts,
  });
  if (applied.status === 'lost') throw new Error('lost');
  for (const { workflow, histories, fact } of facts) {
    applied.view.fact(workflow, fact.id);
    for (const key of histories) if (applied.view.history(workflow, key).facts.length > 2) answered += 1;
  }
  seconds += (performance.now() - startedAt) / 1000;
  const cpu = process.cpuUsage(cpuAt);
  own += cpu.user + cpu.system;
  executions += positioned.filter(({ fact }) => fact.kind === 'phase' && fact.phase === 'started').length;
  offset += batch.length;
}
const used = Number(await info('memory', 'used_memory')) - memoryBefore;
const busy = (await cpuSeconds()) - cpuBefore;
console.log(
  [
    ['executions', executions],
    ['events', events],
    ['batch', size],
    ['workflows at once', active],
    ['events/s of apply and of reading its answer', Math.round(events / seconds)],
    ['CPU of Redis, microseconds per event', ((busy / events) * 1e6).toFixed(2)],
    ['CPU of this process, microseconds per event', (own / events).toFixed(2)],
    ['histories answered with more than one execution', answered],
    ['keys', await redis.dbsize()],
    ['bytes of Redis per live execution', (used / executions).toFixed(1)],
  ]
    .map(([what, figure]) => `${String(what).padEnd(52)}${figure}`)
    .join('\n'),
);
await windows.close();
redis.disconnect();

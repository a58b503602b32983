/**
 * An agent at a steady rate: tool calls through the SDK, every tenth with the input of the call before it.
 * usage: agent.ts --brokers B --topic T --rate EVENTS_PER_SECOND --seconds N --calls FILE
 * Writes one line `executionId milliseconds` for each repeated call to FILE, the time being that of the call.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fileRegistry } from '@idemtrace/schemas';
import { createIdemtrace, currentCall } from '@idemtrace/sdk';
import { kafkaTransport } from '@idemtrace/sdk/kafka';
import { benchPolicy } from '../data/tools.ts';
import { say } from '../subjects/child.ts';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '' },
    topic: { type: 'string', default: '' },
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '60' },
    calls: { type: 'string', default: '' },
  },
});
const EVENTS_PER_CALL = 2;
const CALLS_PER_RUN = 10;
/** Runs under way at a time, so that calls of a workflow are not a millisecond apart. */
const RUNS = 200;
const TICK_MS = 5;
/** Not counted: connections, first batches, machine code. */
const WARM_UP_SECONDS = 5;

const idemtrace = createIdemtrace({
  transport: kafkaTransport({ brokers: values.brokers.split(','), topic: values.topic, registry: fileRegistry() }),
  hashKey: { id: 'bench', secret: 'a secret of the bench, long enough to be one' },
  policy: benchPolicy,
  agentId: 'bench-agent',
});
const now = () => performance.timeOrigin + performance.now();
const repeated: string[] = [];
const charge = idemtrace.tool(
  'charge_invoice',
  async (input: { readonly invoice_id: string; readonly amount: number; readonly currency: string; readonly memo: string }) => {
    const call = currentCall();
    return { id: `ch-${input.invoice_id}`, status: 'succeeded', executionId: call?.executionId };
  },
  { effect: 'write' },
);

const seconds = Number(values.seconds) + WARM_UP_SECONDS;
const callsPerSecond = Number(values.rate) / EVENTS_PER_CALL;
const startedAt = performance.now();
say('first');
let made = 0;
let workflow = 0;
let running: Run[] = [];
interface Run {
  readonly workflowId: string;
  readonly runId: string;
  calls: number;
}

while (performance.now() - startedAt < seconds * 1000) {
  const due = Math.floor(((performance.now() - startedAt) / 1000) * callsPerSecond);
  while (made < due) await call();
  await delay(TICK_MS);
}
const took = (performance.now() - startedAt) / 1000;
await idemtrace.close();
writeFileSync(values.calls, repeated.join('\n'));
say('end', { calls: made, seconds: took, counters: idemtrace.counters });

async function call(): Promise<void> {
  if (running.length < RUNS) running.push({ workflowId: `workflow-${workflow}`, runId: `run-${workflow++}`, calls: 0 });
  const at = made % running.length;
  const run = running[at];
  if (run === undefined) throw new Error('no run is under way');
  made += 1;
  run.calls += 1;
  const isRepeat = run.calls === CALLS_PER_RUN;
  const input = {
    invoice_id: `inv-${run.workflowId}-${isRepeat ? run.calls - 1 : run.calls}`,
    amount: 12.5,
    currency: 'EUR',
    memo: 'Thank you for the business',
  };
  const calledAt = now();
  const answer = await idemtrace.run({ tenantId: 'tenant-1', workflowId: run.workflowId, runId: run.runId }, () => charge(input));
  if (!isRepeat) return;
  running = running.filter((other) => other !== run);
  if (performance.now() - startedAt > WARM_UP_SECONDS * 1000) repeated.push(`${answer.executionId} ${calledAt}`);
}

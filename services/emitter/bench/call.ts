/**
 * What observing adds to a tool call: `pnpm --filter @idemtrace/sdk bench`. Times single calls of a tool with 8 argument leaves and a small
 * record as its answer, bare and observed in turn, so that both see the same machine. Both events of each call are made and taken by a
 * transport that does nothing, from timers, as in an agent.
 */
import { createIdemtrace } from '../src/index.ts';

interface Input {
  readonly invoice_id: string;
  readonly customer_id: string;
  readonly amount: number;
  readonly currency: string;
  readonly due: string;
  readonly memo: string;
  readonly contact: { readonly mail: string; readonly urgent: boolean };
}

const answer = { id: 're_1', status: 'succeeded', amount: 1200 };
const charge = async (_input: Input) => answer;
const chargeNow = (_input: Input) => answer;

const idemtrace = createIdemtrace({
  transport: { send: async () => {} },
  hashKey: { id: 'bench', secret: 'a secret of at least thirty-two bytes' },
});
const tools = {
  async: [charge, idemtrace.tool('charge_invoice', charge, { effect: 'write' })],
  sync: [chargeNow, idemtrace.tool('charge_invoice', chargeNow, { effect: 'write' })],
} as const;

function inputOf(index: number): Input {
  return {
    invoice_id: `inv-${index}`,
    customer_id: 'cus_18276',
    amount: 1200 + index,
    currency: 'EUR',
    due: '2026-01-31',
    memo: 'Thank you for the business',
    contact: { mail: 'billing@example.com', urgent: false },
  };
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Microseconds of each call, in runs of 100. */
async function time(tool: (input: Input) => unknown, calls: number): Promise<number[]> {
  const took: number[] = [];
  for (let first = 0; first < calls; first += 100) {
    await idemtrace.run({ tenantId: 'bench', workflowId: `workflow-${first}` }, async () => {
      for (let index = first; index < first + 100; index++) {
        const input = inputOf(index);
        const from = process.hrtime.bigint();
        const answered = tool(input);
        if (answered instanceof Promise) await answered;
        took.push(Number(process.hrtime.bigint() - from) / 1000);
      }
    });
    await new Promise(setImmediate);
  }
  return took.sort((a, b) => a - b);
}

const CALLS = 20_000;
for (const [kind, [bare, observed]] of Object.entries(tools)) {
  for (const warmUp of [bare, observed]) await time(warmUp, CALLS);
  const [without, within] = [await time(bare, CALLS), await time(observed, CALLS)];
  const row = (share: number): string => {
    const [before, after] = [percentile(without, share), percentile(within, share)];
    return `${before.toFixed(2)} → ${after.toFixed(2)} µs (+${(after - before).toFixed(2)})`;
  };
  console.log(`${kind} tool, 8 leaves, ${CALLS} calls, both events: p50 ${row(0.5)}, p99 ${row(0.99)}`);
}
await idemtrace.close();
const { emitted, sent, dropped } = idemtrace.counters;
console.log(`events emitted ${emitted}, sent ${sent}, dropped ${dropped}`);

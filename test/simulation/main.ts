/**
 * Runs simulated days, one for each seed, until one goes wrong; then makes it smaller, and prints what happened.
 *
 * usage: main.ts [--seeds N] [--from S] [--only detector|sink] [--trace] [--until-first] [--json]
 */
import { parseArgs } from 'node:util';
import { minimised, type Simulate } from './minimise.ts';
import { simulate } from './simulate.ts';
import { simulateSink } from './sink.ts';
import type { Coverage } from './world.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    only: { type: 'string' },
    trace: { type: 'boolean' },
    'until-first': { type: 'boolean' },
    json: { type: 'boolean' },
  },
});
const [seeds, from] = [Number(values.seeds), Number(values.from)];
const all = { detector: simulate, sink: simulateSink } satisfies Record<string, Simulate>;
const chosen = Object.entries(all).filter(([name]) => values.only === undefined || values.only === name);
if (chosen.length === 0 || !Number.isSafeInteger(seeds) || seeds < 1 || !Number.isSafeInteger(from)) {
  console.error('usage: main.ts [--seeds N] [--from S] [--only detector|sink] [--trace] [--until-first] [--json]');
  process.exit(2);
}

const coverage: Coverage = new Map();
const startedAt = performance.now();
const sums = { events: 0, alerts: 0, steps: 0 };
const most = values['until-first'] === true || values.json === true ? 1 : 3;
let failed = 0;
let ran = 0;
for (let seed = from; seed < from + seeds; seed++) {
  let holds = true;
  for (const [name, simulation] of chosen) {
    const run = await simulation(seed, { coverage });
    sums.events += run.events;
    sums.alerts += run.alerts;
    sums.steps += run.steps;
    if (run.differences.length === 0) continue;
    holds = false;
    if (values.json === true) continue;
    const small = await minimised(seed, simulation);
    console.error(`seed ${seed} fails (pnpm simulate --seeds 1 --from ${seed} --only ${name} --trace):`);
    for (const difference of run.differences.slice(0, 10)) console.error(`  ${difference}`);
    console.error(`smallest that fails: ${JSON.stringify(small.options)}`);
    if (values.trace === true) for (const line of small.run.trace) console.error(`  ${line}`);
  }
  ran += 1;
  if (!holds) failed += 1;
  if (failed >= most) break;
  if ((seed - from) % 1000 === 999)
    console.error(`${seed - from + 1} of ${seeds} seeds, ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
}
if (values.json === true) console.log(JSON.stringify({ ran, failed, ...sums, coverage: Object.fromEntries(coverage) }));
else {
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`${sums.events} events, ${sums.alerts} alerts, ${sums.steps} steps in ${seconds.toFixed(1)} s`);
  for (const [what, count] of [...coverage].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(`  ${what}: ${count}`);
  console.log(`${ran - failed} of ${ran} seeds hold`);
}
process.exitCode = failed === 0 ? 0 : 1;

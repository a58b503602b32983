/**
 * Chaos on real services: broker, registry, Redis, ClickHouse engine, detectors, sinks, a gateway and agents, and a seeded schedule of faults. It ends
 * with what differs from the oracle: nothing, or exit code 1.
 *
 * usage: main.ts [--seed N] [--kills N] [--events N] [--rate EVENTS_PER_SECOND] [--rounds N] [--only KIND,…] [--long] [--json]
 *   --long   10 rounds of 30 kills and 300,000 events each, every round under a seed and in a deployment of its own
 */
import { parseArgs } from 'node:util';
import { createRandom } from '../simulation/random.ts';
import { planned } from './faults/faults.ts';
import { FAULT_KINDS, type FaultKind, scheduleOf } from './faults/schedule.ts';
import { byKind, closingLines, faultLine } from './report.ts';
import { type RoundReport, runRound } from './round.ts';
import { addressesOf, startServices } from './stage/services.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    kills: { type: 'string', default: '30' },
    events: { type: 'string' },
    rate: { type: 'string', default: '1000' },
    rounds: { type: 'string' },
    only: { type: 'string' },
    long: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
const events = Number(values.events ?? (values.long ? 300_000 : 200_000));
const rounds = Number(values.rounds ?? (values.long ? 10 : 1));
const kills = Number(values.kills);
const kinds = values.only?.split(',').map((kind) => kind.trim());
const unknown = kinds?.filter((kind) => !(FAULT_KINDS as readonly string[]).includes(kind)) ?? [];
if (unknown.length > 0) {
  console.error(`no fault is called ${unknown.join(', ')}. There are: ${FAULT_KINDS.join(', ')}`);
  process.exit(2);
}

// The console's other stream where a program reads the first.
const say = values.json ? console.error : console.log;
const services = await startServices();
const reports: RoundReport[] = [];
try {
  for (let round = 0; round < rounds; round++) {
    const own = seed + round;
    say(`seed ${own}`);
    const schedule = scheduleOf(createRandom(own), { kills, ...(kinds !== undefined && { kinds: kinds as readonly FaultKind[] }) });
    const report = await runRound({
      ...addressesOf(services),
      seed: own,
      faults: planned(services, schedule),
      events,
      eventsPerSecond: Number(values.rate),
      onFault: (fault) => say(faultLine(fault)),
    });
    reports.push(report);
    say(`${report.differences.length} differences after ${report.seconds} s`);
  }
} finally {
  await services.stop();
}
for (const line of closingLines(reports)) say(line);
if (values.json) console.log(JSON.stringify({ seed, kinds: byKind(reports), rounds: reports }));
process.exitCode = reports.every(({ differences }) => differences.length === 0) ? 0 : 1;

/**
 * Chaos, the share of every test run: each kind of fault at least once, and then nothing may differ from the oracle. `pnpm chaos` plays thirty kills
 * over two hundred thousand events, `pnpm chaos --long` ten times as many.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom } from '../simulation/random.ts';
import { planned } from './faults/faults.ts';
import { FAULT_KINDS, killsOf, scheduleOf } from './faults/schedule.ts';
import { closingLines, faultLine } from './report.ts';
import { runRound } from './round.ts';
import { addressesOf, type ChaosServices, startServices } from './stage/services.ts';

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
const KILLS = 12;
const EVENTS = 40_000;
const EVENTS_PER_SECOND = 500;

let services: ChaosServices;

beforeAll(async () => {
  services = await startServices();
}, 240_000);

afterAll(() => services.stop());

test(`W1 to W7, L1: ${KILLS} kills and every other fault over ${EVENTS} events change no alert, dead letter and row (seed ${SEED})`, async () => {
  const schedule = scheduleOf(createRandom(SEED), { kills: KILLS });
  expect(killsOf(schedule)).toBeGreaterThanOrEqual(KILLS);
  const report = await runRound({
    ...addressesOf(services),
    seed: SEED,
    faults: planned(services, schedule),
    events: EVENTS,
    eventsPerSecond: EVENTS_PER_SECOND,
    onFault: (fault) => console.log(faultLine(fault)),
  });
  for (const line of closingLines([report])) console.log(line);
  expect(report.differences.slice(0, 20)).toEqual([]);
  expect(report.records).toBeGreaterThanOrEqual(EVENTS);
  expect(new Set(report.faults.map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS));
  expect(report.alerts).toBeGreaterThan(1000);
  expect(report.deadLetters).toBeGreaterThan(10);
}, 3_600_000);

/** The detector's loop, its rules and the memory windows under a scheduler that does its worst: what comes of it is what the oracle says. */
import { expect, test } from 'vitest';
import { simulate } from './simulate.ts';
import type { Coverage } from './world.ts';

/** Of the seeds from 1 on; `pnpm simulate --seeds N --from S` runs others. */
const SEEDS = 20_000;

const FAULTS = [
  'commit in doubt',
  'fenced commit',
  'log away',
  'policy change',
  'rebalance',
  'refetch',
  'registry away',
  'retention',
  'window answer lost',
  'window request lost',
  'windows flushed',
  'windows restored',
  'zombie',
];
const POINTS = [
  'apply facts',
  'begin window',
  'commit',
  'committed',
  'decode',
  'heartbeat',
  'offset at',
  'poll',
  'read marker',
  'sleep',
  'take over',
  'took over',
];

test(`W1 to W7: ${SEEDS} simulated runs end with exactly the alerts and dead letters that they must, and reach every fault and every crash point`, async () => {
  const coverage: Coverage = new Map();
  const failed: string[] = [];
  for (let seed = 1; seed <= SEEDS && failed.length < 3; seed++) {
    const { differences } = await simulate(seed, { coverage });
    if (differences.length > 0) failed.push(`seed ${seed} (pnpm simulate --seeds 1 --from ${seed} --trace): ${differences.join('; ')}`);
  }
  expect(failed).toEqual([]);
  expect(FAULTS.filter((fault) => !coverage.has(`fault: ${fault}`))).toEqual([]);
  expect(POINTS.filter((point) => !coverage.has(`crash at ${point}`))).toEqual([]);
}, 1_200_000);

test('a seed replays byte for byte', async () => {
  const [first, second] = [await simulate(2173, { trace: true }), await simulate(2173, { trace: true })];
  expect(first.trace.length).toBeGreaterThan(100);
  expect(second).toEqual(first);
});

test('W5: a redelivery whose first delivery has left the window stays one after a rebuild (seed 86)', async () => {
  expect((await simulate(86)).differences).toEqual([]);
});

/** The lineage sink under a scheduler that does its worst: each record is stored, and none is committed before it is. */
import { expect, test } from 'vitest';
import { simulateSink } from './sink.ts';
import type { Coverage } from './world.ts';

/** Of the seeds from 1 on; `pnpm simulate --only sink --seeds N --from S` runs others. */
const SEEDS = 20_000;

const FAULTS = [
  'acknowledgement lost',
  'commit in doubt',
  'fenced commit',
  'log away',
  'rebalance',
  'refetch',
  'registry away',
  'row refused',
  'store away',
  'zombie',
];
const POINTS = ['commit', 'committed', 'decode', 'heartbeat', 'insert', 'inserted', 'poll', 'take over', 'took over', 'wait'];

test(`L1, W7: ${SEEDS} simulated runs of the sink end with every record stored or a dead letter, whatever happens in between`, async () => {
  const coverage: Coverage = new Map();
  const failed: string[] = [];
  for (let seed = 1; seed <= SEEDS && failed.length < 3; seed++) {
    const { differences } = await simulateSink(seed, { coverage });
    if (differences.length > 0)
      failed.push(`seed ${seed} (pnpm simulate --seeds 1 --from ${seed} --only sink --trace): ${differences.join('; ')}`);
  }
  expect(failed).toEqual([]);
  expect(FAULTS.filter((fault) => !coverage.has(`fault: ${fault}`))).toEqual([]);
  expect(POINTS.filter((point) => !coverage.has(`crash at ${point}`))).toEqual([]);
  expect(coverage.get('insert known by its token')).toBeGreaterThan(0);
}, 1_200_000);

test('L1: a batch that does not start where the last one ended is not committed past what lies between (seeds 2, 109, 298)', async () => {
  for (const seed of [2, 109, 298]) expect((await simulateSink(seed)).differences).toEqual([]);
});

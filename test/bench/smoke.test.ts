import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { dataSet } from './data/data-file.ts';
import { Progress } from './measure/progress.ts';
import { compare } from './throughput/compare.ts';
import { loadTopic, openStage } from './throughput/stage.ts';
import { bareFetch, detector } from './throughput/subject.ts';

const folder = mkdtempSync(join(tmpdir(), 'idemtrace-bench-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('W4: the bench’s detector finds each repeat of its data set, once, on a real broker and Redis', { timeout: 240_000 }, async () => {
  const data = await dataSet(folder, { events: 2_000, repeats: 0.1 }, () => {});
  expect(data.repeats).toBeGreaterThan(20);
  const stage = await openStage(folder);
  try {
    const topic = await loadTopic(stage, { name: 'smoke', partitions: 2, data }, () => {});
    const { runs } = await compare(stage, topic, {
      subjects: [bareFetch({ decode: true }), detector({ windows: 'redis' })],
      rounds: 1,
      ratios: [],
      label: 'smoke',
      progress: new Progress(() => {}),
    });
    expect(runs.map(({ records }) => records)).toEqual([2_000, 2_000]);
    expect(runs[1]?.answer).toMatchObject({ found: data.repeats, missing: 0, unexpected: 0, twice: 0 });
  } finally {
    await stage.close();
  }
});

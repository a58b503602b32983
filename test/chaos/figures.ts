/**
 * How long it takes to catch up: from a kill, with a backlog, until all of it is judged; and a rebuild of the windows after every key of Redis is
 * gone. On services of its own.
 *
 * usage: figures.ts [--backlog N] [--rounds N] [--window EVENTS] [--json]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { EmittedEvent } from '@idemtrace/sdk';
import { recordsOf } from 'idemtrace/internal';
import { Redis } from 'ioredis';
import { benchEvents } from '../bench/data/events.ts';
import { percentile } from '../bench/measure/spread.ts';
import { type Deployment, deploy } from './stage/deployment.ts';
import { Progress } from './stage/progress.ts';
import { addressesOf, type ChaosServices, startServices } from './stage/services.ts';

const { values } = parseArgs({
  options: {
    backlog: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '5' },
    window: { type: 'string', default: '1000000' },
    json: { type: 'boolean', default: false },
  },
});
const [backlog, rounds, windowEvents] = [values.backlog, values.rounds, values.window].map(Number) as [number, number, number];
const say = values.json ? console.error : console.log;

const BATCH = 500;
/** Appends under way at a time. */
const LANES = 4;

interface Scene {
  readonly services: ChaosServices;
  readonly deployment: Deployment;
  readonly progress: Progress;
  readonly events: Generator<EmittedEvent>;
}

async function append({ deployment: { config }, progress: { store }, events }: Scene, count: number): Promise<void> {
  let left = count;
  const lane = async () => {
    while (left > 0) {
      const batch: EmittedEvent[] = [];
      for (; batch.length < BATCH && left > 0; left--) {
        const next = events.next();
        if (next.done === true) throw new Error('too few events are made');
        batch.push(next.value);
      }
      await store.log.append(config.topics.events, recordsOf(batch, store.codec));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** ms from the kill until a backlog is judged that nobody had begun with. */
async function caughtUpAfter(scene: Scene, kill: () => Promise<void>): Promise<number> {
  const { deployment, progress } = scene;
  // Asleep for less than a session, so that the whole backlog is there when the kill comes.
  for (const detector of deployment.detectors) detector.pause();
  await append(scene, backlog);
  const ends = await progress.ends();
  for (const detector of deployment.detectors) detector.resume();
  const at = performance.now();
  await kill();
  if (!(await progress.reached('detector', ends))) throw new Error('the backlog was not judged');
  return performance.now() - at;
}

async function rebuiltAfter(scene: Scene): Promise<number> {
  const client = new Redis(scene.services.redis.url);
  await client.flushall();
  client.disconnect();
  const at = performance.now();
  // The loss is noticed at the next batch of each partition.
  await append(scene, BATCH);
  if (!(await scene.progress.reached('detector', await scene.progress.ends()))) throw new Error('nothing was judged after the rebuild');
  return performance.now() - at;
}

const folder = mkdtempSync(join(tmpdir(), 'idemtrace-figures-'));
const services = await startServices();
const deployment = await deploy({
  ...addressesOf(services),
  firstDetector: {},
  folder,
  seed: 1,
  eventsPerSecond: 1,
  detectors: 2,
  sinks: 0,
});
const progress = await Progress.of(deployment.config);
const scene: Scene = { services, deployment, progress, events: benchEvents({ events: 100_000_000, repeats: 0.1 }) };
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
try {
  await Promise.all(deployment.detectors.map((detector) => detector.start()));
  await append(scene, 20_000);
  await progress.reached('detector', await progress.ends());
  const kills: Record<string, number[]> = { 'no kill': [], 'detector killed': [], 'broker killed': [] };
  for (let round = 0; round < rounds; round++) {
    kills['no kill']?.push(await caughtUpAfter(scene, async () => {}));
    kills['detector killed']?.push(await caughtUpAfter(scene, async () => deployment.detectors[round % 2]?.kill()));
    kills['broker killed']?.push(
      await caughtUpAfter(scene, async () => {
        await services.kafka.kill();
        await services.kafka.restart();
      }),
    );
    await Promise.all(deployment.detectors.map((detector) => detector.up()));
    say(
      `round ${round + 1}: ${Object.entries(kills)
        .map(([kind, all]) => `${kind} ${seconds(all.at(-1) ?? Number.NaN)}`)
        .join(', ')}`,
    );
  }
  const before = await progress.events();
  if (before < windowEvents) await append(scene, windowEvents - before);
  await progress.reached('detector', await progress.ends());
  const inWindow = await progress.events();
  const rebuilds: number[] = [];
  for (let round = 0; round < Math.min(rounds, 3); round++) rebuilds.push(await rebuiltAfter(scene));
  const perMillion = rebuilds.map((ms) => (ms * 1e6) / inWindow);
  const figures = Object.entries(kills).map(([kind, all]) => {
    const sorted = all.toSorted((a, b) => a - b);
    return { kind, median: percentile(sorted, 0.5), worst: sorted.at(-1) ?? Number.NaN };
  });
  for (const { kind, median, worst } of figures)
    say(`${kind}: ${backlog} events judged after ${seconds(median)} (median), ${seconds(worst)} (worst of ${rounds})`);
  say(`windows of ${inWindow} events rebuilt in ${rebuilds.map(seconds).join(', ')}: ${perMillion.map(seconds).join(', ')} a million`);
  if (values.json) console.log(JSON.stringify({ backlog, figures, inWindow, rebuilds, perMillion }));
} finally {
  await deployment.stop();
  await progress.close();
  await services.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/**
 * `pnpm bench`: the detector on a real broker and a real Redis, beside what one would compare it with.
 *
 * usage: main.ts [--events N] [--rounds N] [--only throughput,latency,scaling,parts] [--windows redis|memory] [--batches RECORDS,…]
 *                [--streams-threads N] [--subjects PART_OF_A_NAME,…] [--no-streams] [--latency-seconds N] [--data FOLDER] [--out FOLDER] [--profile]
 *
 * Writes a table to standard output, all figures to `bench.json` in the out folder, and progress to standard error.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureLatency } from './latency/measure.ts';
import { Progress } from './measure/progress.ts';
import { measureParts } from './parts.ts';
import type { Plan } from './plan.ts';
import { reportOf } from './report.ts';
import { measureScaling } from './scaling.ts';
import { measureThroughput } from './throughput/measure-throughput.ts';
import { openStage } from './throughput/stage.ts';

const SECTIONS = ['throughput', 'latency', 'scaling', 'parts'];

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: SECTIONS.join() },
    windows: { type: 'string', default: 'redis' },
    batches: { type: 'string', default: '2000' },
    'streams-threads': { type: 'string', default: String(availableParallelism()) },
    subjects: { type: 'string' },
    'no-streams': { type: 'boolean', default: false },
    'latency-seconds': { type: 'string', default: '60' },
    data: { type: 'string', default: join(tmpdir(), 'idemtrace-bench') },
    out: { type: 'string', default: join(tmpdir(), 'idemtrace-bench', 'out') },
    profile: { type: 'boolean', default: false },
  },
});
if (values.windows !== 'redis' && values.windows !== 'memory') throw new Error('--windows is redis or memory');
const wanted = new Set(values.only.split(','));
for (const name of wanted) if (!SECTIONS.includes(name)) throw new Error(`--only: there is no section '${name}'`);

const progress = new Progress();
mkdirSync(values.data, { recursive: true });
mkdirSync(values.out, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'idemtrace-bench-run-'));
progress.step('starting Kafka and Redis');
const stage = await openStage(folder);
const plan: Plan = {
  events: Number(values.events),
  rounds: Number(values.rounds),
  windows: values.windows,
  batches: values.batches.split(',').map(Number),
  streams: values['no-streams'] ? undefined : { threads: Number(values['streams-threads']) },
  subjects: values.subjects?.split(','),
  latencySeconds: Number(values['latency-seconds']),
  data: values.data,
  profile: values.profile ? join(values.out, 'profiles') : undefined,
  progress,
};

try {
  const startedAt = new Date();
  const result = {
    startedAt: startedAt.toISOString(),
    machine: {
      cores: availableParallelism(),
      processor: cpus()[0]?.model ?? 'unknown',
      memoryMib: Math.round(totalmem() / 2 ** 20),
      node: process.version,
    },
    ...(wanted.has('throughput') && { throughput: await measureThroughput(stage, plan) }),
    ...(wanted.has('latency') && { latency: await measureLatency(stage, plan) }),
    ...(wanted.has('scaling') && { scaling: await measureScaling(stage, plan) }),
    ...(wanted.has('parts') && { parts: await measureParts(stage, progress) }),
  };
  const file = join(values.out, 'bench.json');
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  console.log(reportOf(result));
  progress.step(`all figures: ${file}`);
} finally {
  await stage.close();
  rmSync(folder, { recursive: true, force: true });
}

/** The parts' own benches, each in a process of its own, their figures beside the others. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from './measure/progress.ts';
import type { Stage } from './throughput/stage.ts';

export interface PartFigures {
  readonly part: string;
  /** What was run, from the repository's root. */
  readonly command: string;
  /** What it printed: its last line's JSON, else its lines. */
  readonly figures: unknown;
}

interface Part {
  readonly name: string;
  readonly script: string;
  readonly args?: readonly string[];
}

const partsOn = ({ kafka, redis }: Stage): readonly Part[] => [
  { name: 'lineage sink', script: 'services/lineage/bench/sink.ts' },
  { name: 'gateway', script: 'services/gateway/bench/gateway.ts', args: ['--json'] },
  { name: 'cost of a call in the SDK', script: 'services/emitter/bench/call.ts' },
  { name: 'Redis windows', script: 'services/detector/bench/redis-windows.ts', args: ['--url', redis.url, '--executions', '300000'] },
  { name: 'Kafka log', script: 'services/stream/bench/kafka.ts', args: [kafka.brokers.join()] },
];
const root = join(import.meta.dirname, '../..');
const TIMEOUT_MS = 300_000;

export async function measureParts(stage: Stage, progress: Progress): Promise<readonly PartFigures[]> {
  const all: PartFigures[] = [];
  for (const { name, script, args = [] } of partsOn(stage)) {
    const command = ['node', script, ...args].join(' ');
    progress.step(`${name}: ${command}`);
    const figures = existsSync(join(root, script)) ? await run(script, args) : { error: 'there is no such bench' };
    all.push({ part: name, command, figures });
  }
  return all;
}

/** Never rejects: a part that cannot be measured must not cost the others their figures. */
function run(script: string, args: readonly string[]): Promise<unknown> {
  const child = spawn(process.execPath, ['--expose-gc', script, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
  });
  const [out, complaints]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ error: error.message }));
    child.once('close', (code) => {
      const text = Buffer.concat(out).toString().trimEnd();
      if (code === 0) resolve(figuresIn(text));
      else resolve({ error: `ended with ${code}`, said: Buffer.concat(complaints).toString().trimEnd().split('\n').slice(-5) });
    });
  });
}

function figuresIn(text: string): unknown {
  const lines = text.split('\n');
  for (const candidate of [text, lines.at(-1) ?? '']) {
    try {
      return JSON.parse(candidate) as unknown;
    } catch {}
  }
  return lines;
}

/** Runs the program as its user does, in a folder of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { until } from './until.ts';

const BIN = join(import.meta.dirname, '../../services/idemtrace/src/bin.ts');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder that is gone when the test is over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'idemtrace-e2e-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

export function start(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, LANG: 'C.UTF-8', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** Runs a command to its end. */
export async function run(cwd: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> {
  const child = start(cwd, args, env);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

/** A process of the pipeline that is up. */
export interface Running {
  readonly child: ReturnType<typeof start>;
  readonly ended: Promise<number | null>;
}

/** Starts one, and waits until it says where it listens. */
export async function running(folder: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Running> {
  const child = start(folder, args, env);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      output += text;
    });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await until(
    () => (/Probes:|takes events/.test(output) ? true : child.exitCode === null ? undefined : fail(output)),
    `${args[0]} to be up`,
  );
  return { child, ended };
}

function fail(output: string): never {
  throw new Error(`it ended: ${output}`);
}

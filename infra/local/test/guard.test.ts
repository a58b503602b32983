/** A test run or a program that is killed leaves nothing behind. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { runningProcesses, serviceProcesses } from '../src/process-table.ts';
import { until } from './until.ts';

test('services end with the program that started them when it is killed, paused ones and those with workers too', {
  timeout: 180_000,
}, async () => {
  const program = spawn(process.execPath, [join(import.meta.dirname, 'programs/start-and-wait.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface(program.stdout).once('line', resolve);
    program.once('exit', () => reject(new Error('the program ended before its services were ready')));
  });
  const services = JSON.parse(line) as readonly { readonly pid: number; readonly folder: string }[];
  const trees = await Promise.all(services.map(({ pid, folder }) => serviceProcesses(pid, folder)));
  const pids = trees.flat().map(({ pid }) => pid);
  // ClickHouse's engine and PostgreSQL's workers are processes of their own.
  expect(pids.length).toBeGreaterThan(services.length + 1);

  program.kill('SIGKILL');
  await until('no process of theirs is left', async () => !(await runningProcesses()).some(({ pid }) => pids.includes(pid)));
  await until('their passing folders are gone', () => services.every(({ folder }) => !existsSync(folder)));
});

/** The embedded pipeline on a disk that is full for a while: the agent hears of it, nothing torn is left, and what comes after is as if it had not been. */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { COMPANY_POLICY, writeCompany } from 'idemtrace/internal';
import { expect, onTestFinished, test } from 'vitest';
import { current, readFolder } from '../support/embedded-folder.ts';
import { temporaryFolder } from '../support/program.ts';
import { until } from '../support/until.ts';
import { limitFileSize } from './faults/full-disk.ts';

const CHILD = join(import.meta.dirname, '../support/agent-child.ts');
const POLICY = fileURLToPath(COMPANY_POLICY);
const TIMES = 5;
/** Less than the log's file has when the first batch is acknowledged. */
const ROOM_BYTES = 8192;
/** As long as a lease is not renewed, and longer: it falls due while the disk is full, once. */
const LONG_MS = 4_500;
const SHORT_MS = 700;

/** Runs the pipeline over a recording; `disturb` goes on beside it. */
async function play(
  recording: string,
  folder: string,
  disturb: (child: { readonly pid: number; readonly said: string[] }) => Promise<void>,
) {
  const child = spawn(process.execPath, [CHILD, recording, POLICY, folder, '0', 'off'], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const said: string[] = [];
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => said.push(...text.split('\n')));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await disturb({ pid: child.pid ?? 0, said });
  expect({ code: await ended, errors }).toEqual({ code: 0, errors: '' });
  expect(said).toContain('done');
}

test('W4, W7: a disk that is full five times loses no event and no alert, and repeats none', async () => {
  const folder = await temporaryFolder();
  const { calls } = await writeCompany(21, folder);
  const [calm, full] = [join(folder, 'calm'), join(folder, 'full')];
  await Promise.all([mkdir(calm), mkdir(full)]);
  await play(calls, calm, async () => {});
  const expected = await readFolder(calm);

  let refused = 0;
  await play(calls, full, async ({ pid, said }) => {
    for (let time = 0; time < TIMES; time++) {
      const before = said.length;
      await until(() => said.length > before + 5 || undefined, 'the agent to go on');
      if (said.includes('done')) return;
      const heard = said.filter((line) => line === 'full').length;
      await limitFileSize(pid, ROOM_BYTES);
      await until(() => said.filter((line) => line === 'full').length > heard || undefined, 'the agent to hear that the disk is full');
      refused += 1;
      // The detector meets it too.
      await delay(time === 0 ? LONG_MS : SHORT_MS);
      await limitFileSize(pid, undefined);
    }
  });
  expect(refused).toBe(TIMES);
  const actual = await readFolder(full);
  expect(actual.identities).toEqual(expected.identities);
  expect(current(actual.alerts)).toEqual(current(expected.alerts));
  expect(new Set(actual.alerts.map(({ alertId, revision }) => `${alertId} ${revision}`)).size).toBe(actual.alerts.length);
  expect(actual.letters).toBe(0);
}, 240_000);

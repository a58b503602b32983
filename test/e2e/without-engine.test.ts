/** A workflow's picture does not need the lineage engine: where it is off, or does not run, the log itself is looked through. */
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMPANY_POLICY, writeCompany } from 'idemtrace/internal';
import { expect, test } from 'vitest';
import { run, temporaryFolder } from '../support/program.ts';

const WORKFLOW = 'invoice-run/2026-11/acme-042';
const OFF = { IDEMTRACE_LINEAGE_MODE: 'off' };

async function replayed(env?: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder();
  await writeCompany(42, folder);
  const args = ['replay', 'calls.ndjson', '--policy', fileURLToPath(COMPANY_POLICY), '--data', 'data', '--json'];
  expect(await run(folder, args, env)).toMatchObject({ code: 0 });
  const attempts = (args: readonly string[], env?: Readonly<Record<string, string>>) =>
    run(folder, ['lineage', 'attempts', WORKFLOW, '--tenant', 'acme', '--data', 'data', ...args], env);
  return { folder, attempts };
}

test('attempts are drawn the same from lineage and, where its engine does not run, from the log', async () => {
  const { folder, attempts } = await replayed();
  const [drawn, told] = [await attempts([]), await attempts(['--json'])];
  expect([drawn.code, drawn.stdout]).toEqual([0, expect.stringContaining('billing.create_invoice_line')]);

  expect(await attempts([], OFF)).toMatchObject({ code: 0, stdout: drawn.stdout });

  // A file where its folder was: the engine cannot start.
  await rm(join(folder, 'data/lineage'), { recursive: true, maxRetries: 5 });
  await writeFile(join(folder, 'data/lineage'), '');
  expect(await attempts([])).toMatchObject({ code: 0, stdout: drawn.stdout });
  const fromLog = await attempts(['--json']);
  expect(JSON.parse(fromLog.stdout)).toEqual(JSON.parse(told.stdout));
});

test('T1: the log too answers of one tenant alone', async () => {
  const { folder } = await replayed(OFF);
  const args = ['lineage', 'attempts', WORKFLOW, '--tenant', 'cobalt', '--data', 'data'];
  expect(await run(folder, args, OFF)).toMatchObject({ code: 1, stdout: '' });
});

test('what was judged while lineage was off is drawn, whether it is on again or not, and other questions say what is missing', async () => {
  const { folder, attempts } = await replayed(OFF);
  const off = await attempts([], OFF);
  expect([off.code, off.stdout]).toEqual([0, expect.stringContaining('billing.create_invoice_line')]);
  expect(existsSync(join(folder, 'data/lineage'))).toBe(false);
  expect(await attempts([])).toMatchObject({ code: 0, stdout: off.stdout });

  const duplicates = await run(folder, ['lineage', 'duplicates', '--tenant', 'acme', '--data', 'data'], OFF);
  expect(duplicates).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('lineage.mode') });
});

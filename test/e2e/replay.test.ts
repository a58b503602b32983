/** The project's own recording through the program, held against a count that shares no code with it. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Alert } from '@idemtrace/schemas';
import { COMPANY_POLICY, operatorCounts, queryLineage, resolveConfig, writeCompany } from 'idemtrace/internal';
import { expect, test } from 'vitest';
import { bruteForce } from '../quality/brute-force.ts';
import { run, temporaryFolder } from '../support/program.ts';

const POLICY = fileURLToPath(COMPANY_POLICY);

async function company(seed = 42) {
  const folder = await temporaryFolder();
  const { calls } = await writeCompany(seed, folder);
  return { folder, calls };
}

function alertsOf(path: string): readonly Alert[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Alert);
}

const told = (alerts: readonly Alert[]) => alerts.map(({ alertId, severity, cause }) => `${alertId} ${severity} ${cause}`).sort();

test('totals of duplicate_execution and foreign_document equal a brute-force count', async () => {
  const { folder, calls } = await company();
  const { code, stdout } = await run(folder, ['replay', 'calls.ndjson', '--policy', POLICY, '--json']);
  expect(code).toBe(0);
  const summary = JSON.parse(stdout);
  const counted = bruteForce(readFileSync(calls, 'utf8'), readFileSync(POLICY, 'utf8'));
  const bySeverity = (rule: string) => {
    const sums: Record<string, number> = {};
    for (const severities of Object.values(counted.alerts[rule] ?? {})) {
      for (const [severity, n] of Object.entries(severities)) sums[severity] = (sums[severity] ?? 0) + n;
    }
    return sums;
  };
  expect(summary).toMatchObject({
    toolCalls: counted.toolCalls,
    retrievals: counted.retrievals,
    executions: counted.toolCalls,
    workflows: 40,
    deadLetters: 0,
  });
  expect(summary.alerts.duplicate_execution).toEqual(bySeverity('duplicate_execution'));
  expect(summary.alerts.foreign_document).toEqual(bySeverity('foreign_document'));
  expect(summary.alerts.execution_loop).toEqual({ warning: 1 });
});

test('every line of --alerts has what a program needs to find the call again', async () => {
  const { folder } = await company();
  expect(await run(folder, ['replay', 'calls.ndjson', '--policy', POLICY, '--alerts', 'alerts.ndjson'])).toMatchObject({ code: 0 });
  const alerts = alertsOf(join(folder, 'alerts.ndjson'));
  expect(alerts.length).toBeGreaterThan(100);
  const always = ['alertId', 'rule', 'severity', 'tenantId', 'workflowId', 'runId'] as const;
  for (const alert of alerts) {
    expect(always.filter((field) => typeof alert[field] !== 'string' || alert[field] === '')).toEqual([]);
    expect([alert.revision, alert.stepIndex].every(Number.isInteger)).toBe(true);
    expect(Object.keys(alert)).toEqual(expect.arrayContaining(['cause', 'executionId', 'evidence']));
    if (alert.rule === 'duplicate_execution') {
      expect(alert.cause).toEqual(expect.any(String));
      expect(alert.evidence.judgedAgainst?.executionId).not.toBe(alert.executionId);
      expect(alert.executionId).toMatch(/^[0-9a-f-]{36}$/);
    }
  }
});

test('W2: batches of 1, 7 and 500 records give the same alerts with the same ids', async () => {
  const { folder } = await company(7);
  const runs = [];
  for (const batch of ['1', '7', '500']) {
    const { code } = await run(folder, [
      'replay',
      'calls.ndjson',
      '--policy',
      POLICY,
      '--batch',
      batch,
      '--alerts',
      `${batch}.ndjson`,
      '--json',
    ]);
    expect(code).toBe(0);
    runs.push(told(alertsOf(join(folder, `${batch}.ndjson`))));
  }
  expect(runs[0]?.length).toBeGreaterThan(20);
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]).toEqual(runs[0]);
});

test('L1: replayed twice, not one alert more, and every event and alert once in lineage', async () => {
  const { folder } = await company(3);
  const args = ['replay', 'calls.ndjson', '--policy', POLICY, '--data', 'data', '--json'];
  const first = await run(folder, [...args, '--alerts', 'first.ndjson']);
  const second = await run(folder, [...args, '--alerts', 'second.ndjson']);
  expect([first.code, second.code, second.stdout]).toEqual([0, 0, first.stdout]);
  expect(readFileSync(join(folder, 'second.ndjson'), 'utf8')).toBe(readFileSync(join(folder, 'first.ndjson'), 'utf8'));

  const resolved = resolveConfig({ env: {}, flags: { dataDir: 'data' }, cwd: folder, readFile: () => '' });
  if (!resolved.ok) throw new Error('bad configuration');
  const lineage = await queryLineage(resolved.config);
  const counts = await operatorCounts(lineage.client);
  await lineage.close();
  const { toolCalls, retrievals, runs } = JSON.parse(first.stdout);
  const events = 2 * toolCalls + retrievals + 2 * runs;
  const alerts = alertsOf(join(folder, 'first.ndjson'));
  expect(counts).toEqual({
    events,
    executions: toolCalls,
    alerts: new Set(alerts.map(({ alertId }) => alertId)).size,
    alertRevisions: alerts.length,
    deadLetters: 0,
    redeliveries: events,
  });
});

test('lineage answers on the command line, of one tenant alone', async () => {
  const { folder } = await company(42);
  await run(folder, ['replay', 'calls.ndjson', '--policy', POLICY, '--data', 'data', '--alerts', 'alerts.ndjson', '--json']);
  const workflow = 'invoice-run/2026-11/acme-042';
  const alert = alertsOf(join(folder, 'alerts.ndjson')).find(
    ({ workflowId, severity }) => workflowId === workflow && severity === 'critical',
  );
  const lineage = (...args: string[]) => run(folder, ['lineage', ...args, '--data', 'data']);

  const attempts = await lineage('attempts', workflow, '--tenant', 'acme', '--alert', alert?.alertId ?? '');
  expect(attempts.stdout).toContain('billing.create_invoice_line');
  expect(attempts.stdout).toContain('run_retry');
  expect((await lineage('attempts', workflow, '--tenant', 'acme', '--svg', 'x.svg')).code).toBe(0);
  expect(readFileSync(join(folder, 'x.svg'), 'utf8')).toMatch(/^<\?xml[^>]*>\s*<svg[\s\S]*<\/svg>\s*$/);
  expect(await lineage('attempts', workflow, '--tenant', 'cobalt')).toMatchObject({ code: 1, stdout: '' });

  const executions = await lineage('executions', alert?.subject ?? '', '--tenant', 'acme', '--json');
  expect(executions.stdout.trim().split('\n')).toHaveLength(2);
  expect((await lineage('executions', alert?.subject ?? '', '--tenant', 'cobalt', '--json')).stdout).toBe('');
  expect((await lineage('action', alert?.executionId ?? '', '--tenant', 'acme')).stdout).toContain('acme/payment-terms');
  expect((await lineage('document', 'acme/payment-terms', '--tenant', 'acme')).stdout).toContain('mail.send');
  expect((await lineage('run', `${workflow}#1`, '--workflow', workflow, '--tenant', 'acme')).stdout).toContain('call unknown');
  expect((await lineage('duplicates', '--tenant', 'acme')).stdout).toContain('billing.create_invoice_line');
  expect((await lineage('gaps', '--tenant', 'acme')).stderr).toContain('No gaps');
  const alerts = await run(folder, ['alerts', '--data', 'data', '--tenant', 'acme', '--json']);
  expect(alerts.stdout).toContain(alert?.alertId);
  const doctor = await run(folder, ['doctor', '--data', 'data', '--policy', POLICY]);
  expect([doctor.code, doctor.stdout]).toEqual([0, expect.stringContaining('embedded engine')]);
});

test('bad input ends with 2, every mistake with its line and no value', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'bad.ndjson'), '{"kind":"tool_call","canary":"secret-4711"}\nnot json\n');
  const bad = await run(folder, ['replay', 'bad.ndjson']);
  expect(bad.code).toBe(2);
  expect(bad.stderr).toMatch(/line 1[\s\S]*line 2|:1[\s\S]*:2/);
  expect(bad.stderr).not.toContain('secret-4711');
  expect((await run(folder, ['replay', 'missing.ndjson'])).code).toBe(2);
  expect((await run(folder, ['replay'])).code).toBe(2);
  expect((await run(folder, ['unheard-of'])).code).toBe(2);
  expect((await run(folder, ['replay', 'bad.ndjson', '--nonsense'])).code).toBe(2);
  expect((await run(folder, ['replay', 'bad.ndjson', '--batch', '0'])).stderr).toContain('batch.maxRecords');
  await writeFile(join(folder, 'policy.yaml'), 'version: 1\ntools:\n  pay: { efect: write }\n');
  const policy = await run(folder, ['policy', 'check', 'policy.yaml']);
  expect([policy.code, policy.stdout]).toEqual([1, expect.stringContaining('policy.yaml:3:')]);
  expect((await run(folder, ['config', 'print'], { IDEMTRACE_WINDOW_LENGHT: '1h' })).stderr).toContain('IDEMTRACE_WINDOW_LENGTH');
});

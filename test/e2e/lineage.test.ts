/** What the commands answer on a replayed day of the company, held against what its log holds. */
import { chmodSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LineageCounts } from '@idemtrace/lineage';
import { type Alert, type AnyRecord, EMPTY_POLICY } from '@idemtrace/schemas';
import { createEventBuilder } from '@idemtrace/sdk/internal';
import {
  COMPANY_POLICY,
  type Config,
  openStore,
  operatorCounts,
  queryLineage,
  recordsOf,
  resolveConfig,
  writeCompany,
} from 'idemtrace/internal';
import { afterAll, expect, test } from 'vitest';
import { elementsOf } from '../support/markup.ts';
import { run, temporaryFolder } from '../support/program.ts';

const POLICY = fileURLToPath(COMPANY_POLICY);
const WORKFLOW = 'invoice-run/2026-11/acme-042';
const OTHER = 'cobalt';
const REPLAY = ['replay', 'calls.ndjson', '--policy', POLICY, '--data', 'data', '--json'];
const EMITTER = '018f2f6e-0000-7000-8000-000000000001';

type Event = Exclude<AnyRecord, { name: 'Alert' | 'DeadLetter' | 'ClockTick' }>;

interface Contents {
  readonly events: readonly Event[];
  /** Every revision of every alert. */
  readonly revisions: readonly Alert[];
  readonly stored: LineageCounts;
}

interface Replayed extends Contents {
  readonly folder: string;
  /** After a second replay. */
  readonly again: Contents;
  /** Critical, in WORKFLOW. */
  readonly alert: Alert;
  close(): Promise<void>;
}

let shared: Promise<Replayed> | undefined;
/** One folder for the whole file: tests ask it, and change nothing. Its engine is held here, and the commands find it. */
const replayed = () => (shared ??= replayCompany());
let folder: string | undefined;
afterAll(async () => {
  await (await shared?.catch(() => undefined))?.close();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

function configOf(folder: string): Config {
  const resolved = resolveConfig({ env: {}, flags: { dataDir: 'data' }, cwd: folder, readFile: () => '' });
  if (!resolved.ok) throw new Error('bad configuration');
  return resolved.config;
}

async function replayCompany(): Promise<Replayed> {
  folder = await mkdtemp(join(tmpdir(), 'idemtrace-e2e-'));
  const config = configOf(folder);
  await writeCompany(42, folder);
  await appendWithGap(config);
  const replay = async (cwd: string) => {
    const { code, stderr } = await run(cwd, REPLAY);
    if (code !== 0) throw new Error(stderr);
    return contentsOf(config);
  };
  const first = await replay(folder);
  const again = await replay(folder);
  const alert = first.revisions.find(
    ({ workflowId, rule, severity }) => workflowId === WORKFLOW && rule === 'duplicate_execution' && severity === 'critical',
  );
  if (alert === undefined) throw new Error(`no critical alert in ${WORKFLOW}`);
  const { close } = await queryLineage(config);
  return { folder, ...first, again, alert, close };
}

/** Events 0 and 3 of an emitter, of a tenant of its own: 1 and 2 were lost on the way. */
async function appendWithGap(config: Config): Promise<void> {
  const sequences = [0, 3];
  const builder = createEventBuilder({
    hashKey: { id: 'test', secret: 'a secret of at least thirty-two bytes' },
    policy: EMPTY_POLICY,
    origin: () => ({ emitterId: EMITTER, sequence: sequences.shift() ?? 0 }),
  });
  const run = { tenantId: 'gappy', workflowId: 'w', runId: 'r', attempt: 1 };
  const at = { occurredAt: Date.UTC(2026, 10, 1) };
  const { log, codec, close } = await openStore(config);
  await log.append(
    config.topics.events,
    recordsOf([builder.runEvent(run, 'started', at), builder.runEvent(run, 'ended', at, 'succeeded')], codec),
  );
  await close();
}

async function contentsOf(config: Config): Promise<Contents> {
  const { log, codec, close } = await openStore(config);
  const events: Event[] = [];
  const revisions: Alert[] = [];
  for (const topic of [config.topics.events, config.topics.alerts]) {
    for await (const record of log.tail(topic)) {
      const [decoded] = await codec.decode([record]);
      if (decoded?.ok !== true) throw new Error('an undecodable record');
      if (decoded.record.name === 'Alert') revisions.push(decoded.record.value);
      else if (decoded.record.name !== 'DeadLetter' && decoded.record.name !== 'ClockTick') events.push(decoded.record);
    }
  }
  await close();
  const lineage = await queryLineage(config);
  try {
    return { events, revisions, stored: await operatorCounts(lineage.client) };
  } finally {
    await lineage.close();
  }
}

function identityOf({ name, value }: Event): string {
  const { tenantId, workflowId } = value;
  switch (name) {
    case 'RunEvent':
      return JSON.stringify([tenantId, workflowId, value.runId, value.incarnation, value.phase]);
    case 'ToolCallEvent':
      return JSON.stringify([tenantId, workflowId, value.executionId, value.phase]);
    case 'RetrievalEvent':
      return JSON.stringify([tenantId, workflowId, value.retrievalId]);
  }
}

const rowsOf = <T = Record<string, unknown>>(stdout: string): readonly T[] =>
  stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as T]));

async function ask(...args: readonly string[]) {
  return run((await replayed()).folder, [...args, '--data', 'data']);
}

test('L1: every event and alert of the log is once in the views, and what comes again is counted', async () => {
  const { events, revisions, stored, again } = await replayed();
  const identities = new Set(events.map(identityOf));
  expect(identities.size).toBe(events.length);
  const once = {
    events: identities.size,
    executions: new Set(events.flatMap(({ name, value }) => (name === 'ToolCallEvent' ? [value.executionId] : []))).size,
    alerts: new Set(revisions.map(({ alertId }) => alertId)).size,
    alertRevisions: revisions.length,
    deadLetters: 0,
  };
  expect(stored).toEqual({ ...once, redeliveries: 0 });
  expect(again.revisions).toEqual(revisions);
  expect(new Set(again.events.map(identityOf))).toEqual(identities);
  expect(again.stored).toEqual({ ...once, redeliveries: again.events.length - events.length });
});

test('attempts are drawn, told as JSON and written as well-formed SVG', async () => {
  const { folder, alert, revisions } = await replayed();
  const attempts = (...args: string[]) => ask('lineage', 'attempts', WORKFLOW, '--tenant', 'acme', ...args);
  const drawn = await attempts('--alert', alert.alertId);
  expect(drawn).toMatchObject({ code: 0, stderr: '' });
  for (const text of [alert.tool, alert.cause, 'attempt 1', 'attempt 2']) expect(drawn.stdout).toContain(text);
  const [view] = rowsOf<{ runs: readonly { runId: string }[]; alerts: readonly Alert[] }>((await attempts('--json')).stdout);
  expect(view?.runs.map(({ runId }) => runId)).toEqual([`${WORKFLOW}#1`, `${WORKFLOW}#2`]);
  const ids = new Set(revisions.filter(({ workflowId }) => workflowId === WORKFLOW).map(({ alertId }) => alertId));
  expect(new Set(view?.alerts.map(({ alertId }) => alertId))).toEqual(ids);

  expect(await attempts('--svg', 'attempts.svg')).toMatchObject({ code: 0, stdout: '' });
  const svg = readFileSync(join(folder, 'attempts.svg'), 'utf8');
  expect(elementsOf(svg).slice(0, 2)).toEqual(['svg', 'title']);
  expect(svg).toContain('billing.create_invoice_line');
  expect(await attempts('--alert', 'no-such-alert')).toMatchObject({ code: 1, stdout: '' });
});

test('a run’s timeline is its events, in the order of the log', async () => {
  const { events } = await replayed();
  const ofRun = events.filter(({ value }) => value.tenantId === 'acme' && value.runId === `${WORKFLOW}#2`);
  const args = ['lineage', 'run', `${WORKFLOW}#2`, '--workflow', WORKFLOW, '--tenant', 'acme'];
  const rows = rowsOf<{ value: Event }>((await ask(...args, '--json')).stdout);
  expect(rows.map(({ value }) => identityOf(value))).toEqual([...new Set(ofRun.map(identityOf))]);
  const table = await ask(...args);
  expect(table.stdout.split('\n')[0]).toMatch(/^log time +partition +offset +event +step +what$/);
  expect(table.stdout).toContain('run started');
});

test('the executions of an alert’s subject are those that it compares', async () => {
  const { alert } = await replayed();
  const args = ['lineage', 'executions', alert.subject ?? '', '--tenant', 'acme'];
  const rows = rowsOf<{ executionId: string }>((await ask(...args, '--json')).stdout);
  expect(rows.map(({ executionId }) => executionId)).toEqual([alert.evidence.judgedAgainst?.executionId, alert.executionId]);
  expect((await ask(...args)).stdout).toContain(alert.executionId);
});

test('a foreign document leads to the actions that rest on it, and each action back to the document', async () => {
  const { revisions } = await replayed();
  const foreign = revisions.filter(({ rule }) => rule === 'foreign_document');
  expect(foreign.length).toBeGreaterThan(3);
  let actions = 0;
  for (const { tenantId, workflowId, evidence } of foreign) {
    const document = evidence.documents[0];
    const args = ['lineage', 'document', document?.id ?? '', '--tenant', tenantId];
    const rows = rowsOf<{ executionId: string; workflowId: string; effectClass: string }>((await ask(...args, '--json')).stdout);
    const [row] = rows.filter((action) => action.workflowId === workflowId);
    if (row === undefined) continue;
    actions += 1;
    expect(row.effectClass).not.toBe('read');
    const behind = ['lineage', 'action', row.executionId, '--tenant', tenantId];
    expect(rowsOf((await ask(...behind, '--json')).stdout)).toContainEqual(
      expect.objectContaining({ id: document?.id, tenantId: document?.tenantId }),
    );
    expect((await ask(...behind)).stdout).toContain(document?.id);
    break;
  }
  expect(actions).toBe(1);
});

test('duplicates per tool and day add up to the alerts', async () => {
  const { revisions } = await replayed();
  const current = new Map(revisions.map((alert) => [alert.alertId, alert]));
  const duplicates = [...current.values()].filter(({ tenantId, rule }) => tenantId === 'acme' && rule === 'duplicate_execution');
  const rows = rowsOf<Record<string, number>>((await ask('lineage', 'duplicates', '--tenant', 'acme', '--json')).stdout);
  const sum = (column: string) => rows.reduce((total, row) => total + Number(row[column]), 0);
  const count = (severity: string) => duplicates.filter((alert) => alert.severity === severity).length;
  expect([sum('duplicates'), sum('critical'), sum('warning'), sum('info')]).toEqual([
    duplicates.length,
    count('critical'),
    count('warning'),
    count('info'),
  ]);
  expect((await ask('lineage', 'duplicates', '--tenant', 'acme')).stdout).toContain('billing.create_invoice_line');
});

test('numbers that an emitter’s events leave out are gaps, and there are no others', async () => {
  const rows = rowsOf((await ask('lineage', 'gaps', '--tenant', 'gappy', '--json')).stdout);
  expect(rows).toMatchObject([{ emitterId: EMITTER, first: 1, last: 2, missing: 2 }]);
  expect((await ask('lineage', 'gaps', '--tenant', 'gappy')).stdout).toContain(EMITTER);
  expect(rowsOf((await ask('lineage', 'gaps', '--all-tenants', '--json')).stdout)).toEqual([{ tenantId: 'gappy', ...rows[0] }]);
  expect(await ask('lineage', 'gaps', '--all-tenants', '--tenant', 'gappy')).toMatchObject({ code: 2, stdout: '' });
  expect(await ask('lineage', 'gaps', '--tenant', 'acme')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining('No gaps'),
  });
});

test('T1: no question answers another tenant’s rows, and none is asked without a tenant', async () => {
  const { alert, events } = await replayed();
  const questions = [
    ['run', `${WORKFLOW}#1`, '--workflow', WORKFLOW],
    ['executions', alert.subject ?? ''],
    ['action', alert.executionId ?? ''],
  ];
  for (const question of questions) {
    const own = await ask('lineage', ...question, '--tenant', 'acme', '--json');
    expect([question[0], own.code, own.stdout === '']).toEqual([question[0], 0, false]);
    expect(await ask('lineage', ...question, '--tenant', OTHER, '--json')).toMatchObject({ code: 0, stdout: '' });
  }
  expect(await ask('lineage', 'duplicates')).toMatchObject({ code: 2, stdout: '' });
  expect(await ask('lineage', 'gaps')).toMatchObject({ code: 2, stdout: '' });
  // A document that both have read leads each to its own actions.
  const workflows = new Set(events.flatMap(({ value }) => (value.tenantId === OTHER ? [value.workflowId] : [])));
  const rows = rowsOf<{ workflowId: string }>((await ask('lineage', 'document', 'acme/payment-terms', '--tenant', OTHER, '--json')).stdout);
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.filter(({ workflowId }) => !workflows.has(workflowId))).toEqual([]);
  expect(await ask('lineage', 'attempts', WORKFLOW, '--tenant', OTHER, '--json')).toMatchObject({ code: 1, stdout: '' });
  expect(await ask('lineage', 'duplicates', '--tenant', 'nobody', '--json')).toMatchObject({ code: 0, stdout: '' });
  const alerts = rowsOf<Alert>((await ask('alerts', '--tenant', 'acme', '--severity', 'info', '--json')).stdout);
  expect(new Set(alerts.map(({ tenantId }) => tenantId))).toEqual(new Set(['acme']));
});

test('alerts prints every revision of a severity and above, as the topic has them', async () => {
  const { revisions } = await replayed();
  const all = rowsOf<Alert>((await ask('alerts', '--severity', 'info', '--json')).stdout);
  expect(all.map(({ alertId, revision }) => [alertId, revision])).toEqual(revisions.map(({ alertId, revision }) => [alertId, revision]));
  const critical = rowsOf<Alert>((await ask('alerts', '--severity', 'critical', '--json')).stdout);
  const ids = new Set(revisions.filter(({ severity }) => severity === 'critical').map(({ alertId }) => alertId));
  expect(new Set(critical.map(({ alertId }) => alertId))).toEqual(ids);
});

interface Check {
  readonly name: string;
  readonly verdict: 'pass' | 'warn' | 'fail';
  readonly found: string;
  readonly mend?: string;
}

test('doctor passes a folder in order', async () => {
  const { code, stdout } = await ask('doctor', '--policy', POLICY, '--json');
  const [{ checks } = { checks: [] }] = rowsOf<{ checks: readonly Check[] }>(stdout);
  expect([code, checks.filter(({ verdict }) => verdict === 'fail')]).toEqual([0, []]);
  expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining(['policy', 'hash key', 'detector', 'dead letters', 'lineage']));
});

test('doctor finds a hash key that others can read, a broken policy and too short a retention, and says what to do', async () => {
  const folder = await temporaryFolder();
  await writeCompany(42, folder);
  const off = { IDEMTRACE_LINEAGE_MODE: 'off' };
  expect(await run(folder, REPLAY, off)).toMatchObject({ code: 0 });
  chmodSync(join(folder, 'data/hash-key.json'), 0o644);
  await writeFile(join(folder, 'broken.yaml'), 'version: 1\ntools:\n  pay: { efect: write }\n');
  const { code, stdout } = await run(folder, ['doctor', '--data', 'data', '--policy', 'broken.yaml', '--json'], off);
  const [{ checks } = { checks: [] }] = rowsOf<{ checks: readonly Check[] }>(stdout);
  expect(code).toBe(1);
  expect(checks.filter(({ verdict }) => verdict === 'fail')).toMatchObject([
    { name: 'policy', mend: expect.stringContaining('broken.yaml:3:') },
    { name: 'hash key', mend: expect.stringContaining('chmod 600') },
  ]);
  const short = await run(folder, ['doctor', '--data', 'data'], { ...off, IDEMTRACE_TOPICS_RETENTION: '1h' });
  expect(short).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('topics.retention is shorter than the window') });
});

test('config print tells every setting with where it comes from, and no secret', async () => {
  const folder = await temporaryFolder();
  const secret = 'a-secret-that-nobody-may-read-4711-0815';
  const env = { IDEMTRACE_HASH_KEY_ID: 'k1', IDEMTRACE_HASH_KEY_SECRET: secret, IDEMTRACE_WINDOW_LENGTH: '2h' };
  const { code, stdout, stderr } = await run(folder, ['config', 'print', '--data', 'data'], env);
  expect(code).toBe(0);
  expect(stdout).toContain(join(folder, 'data'));
  expect(stdout).toContain('IDEMTRACE_WINDOW_LENGTH');
  expect(stdout + stderr).not.toContain('4711');
});

test('policy check tells the mistakes with their lines, policy compile writes what emitters take', async () => {
  const folder = await temporaryFolder();
  const good = await run(folder, ['policy', 'check', POLICY, '--json']);
  expect([good.code, JSON.parse(good.stdout)]).toMatchObject([0, { ok: true, version: 'company-1' }]);
  await writeFile(join(folder, 'bad.yaml'), 'version: 1\ntools:\n  pay: { efect: write }\n  buy: { effect: sometimes }\n');
  const bad = await run(folder, ['policy', 'check', 'bad.yaml']);
  expect([bad.code, bad.stdout]).toEqual([1, expect.stringMatching(/bad\.yaml:3:[\s\S]*bad\.yaml:4:/)]);
  expect(await run(folder, ['policy', 'compile', 'bad.yaml'])).toMatchObject({ code: 2, stdout: '' });
  const compiled = await run(folder, ['policy', 'compile', POLICY]);
  expect(JSON.parse(compiled.stdout)).toMatchObject({ format: 1, version: 'company-1', defaultEffect: 'write', sharedTenants: ['shared'] });
  expect(await run(folder, ['policy', 'compile', POLICY, '-o', 'policy.json'])).toMatchObject({ code: 0, stdout: '' });
  expect(JSON.parse(readFileSync(join(folder, 'policy.json'), 'utf8'))).toEqual(JSON.parse(compiled.stdout));
});

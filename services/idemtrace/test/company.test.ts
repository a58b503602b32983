import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPolicy } from '@idemtrace/detector/policy';
import { PolicyLookup } from '@idemtrace/schemas';
import { beforeAll, expect, test } from 'vitest';
import { canonical, type Json } from '../src/company/json.ts';
import type { CallLabel, Label } from '../src/company/oracle.ts';
import type { Seam } from '../src/company/seam.ts';
import { TOOLS } from '../src/company/services/catalog.ts';
import { type Simulation, simulate, TENANTS } from '../src/company/simulate.ts';
import { COMPANY_POLICY, ndjson, writeCompany } from '../src/company/write.ts';
import { parseLine, surveyRecording } from '../src/recording/read.ts';
import { surveyOf } from '../src/recording/survey.ts';

const SEEDS = Array.from({ length: 50 }, (_, index) => index + 1);
const days = new Map<number, Simulation>();

beforeAll(async () => {
  for (const seed of SEEDS) days.set(seed, await simulate(seed));
});

function day(seed: number): Simulation {
  const simulation = days.get(seed);
  if (simulation === undefined) throw new Error(`seed ${seed} was not played`);
  return simulation;
}

const calls = (labels: readonly Label[]) => labels.filter((label): label is CallLabel => label.kind === 'tool_call');
const duplicates = (labels: readonly Label[]) => calls(labels).filter(({ label }) => label === 'duplicate_effect');
const harmful = (labels: readonly Label[]) => duplicates(labels).filter(({ harm }) => harm === 'money' || harm === 'new_record');

test('the same seed gives the same bytes, another seed others', async () => {
  const again = await simulate(7);
  expect(ndjson(again.lines)).toBe(ndjson(day(7).lines));
  expect(ndjson(again.labels)).toBe(ndjson(day(7).labels));
  expect(ndjson(day(8).lines)).not.toBe(ndjson(day(7).lines));
});

test('what is written to a folder is what the reader reads', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'company-'));
  const { calls: path, labels } = await writeCompany(3, join(folder, 'day'));
  expect(await surveyRecording(path)).toMatchObject({ workflows: 40, lines: day(3).lines.length });
  expect(await readFile(labels, 'utf8')).toBe(ndjson(day(3).labels));
  await rm(folder, { recursive: true });
});

/** Checks what must hold whatever the seed, and says for which it does not. */
function onEveryDay(name: string, check: (simulation: Simulation) => void): void {
  test(name, () => {
    for (const [seed, simulation] of days) {
      try {
        check(simulation);
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : ''}`, { cause: error });
      }
    }
  });
}

onEveryDay('every line is one of a recording', ({ lines }) => {
  const read = lines.map((line, index) => parseLine({ number: index + 1, bytes: Buffer.from(JSON.stringify(line)) }));
  expect(read).toEqual(lines.map((value, index) => ({ number: index + 1, value })));
});

onEveryDay('each line has its label, at its place', ({ lines, labels }) => {
  const places = (of: readonly { kind: string; workflowId: string; runId: string; stepIndex: number }[]) =>
    of.map(({ kind, workflowId, runId, stepIndex }) => [kind, workflowId, runId, stepIndex]);
  expect(places(labels)).toEqual(places(lines));
});

onEveryDay('the day has its size: tenants, workflows, runs, calls, retrievals, and a believable minority of harm', ({ lines, labels }) => {
  const survey = surveyOf(lines);
  expect(new Set(survey.tenants)).toEqual(new Set(TENANTS));
  expect(survey.workflows).toBe(40);
  const within = (value: number, least: number, most: number) => expect(value >= least && value <= most, `${value}`).toBe(true);
  within(survey.runs, 60, 80);
  within(survey.toolCalls, 400, 700);
  within(survey.retrievals, 60, 120);
  within(harmful(labels).length, 8, 15);
  const retrievals = labels.filter((label) => label.kind === 'retrieval');
  within(retrievals.filter(({ foreign }) => foreign).length, 3, 6);
  within(retrievals.filter(({ untagged }) => untagged).length, 2, 6);
});

onEveryDay('a workflow belongs to one tenant, and its lines stand in the order in which its calls were made', ({ lines }) => {
  const latest = new Map<string, { tenantId: string; occurredAt: string }>();
  const steps = new Map<string, number>();
  const misplaced = lines.filter(({ kind, runId, stepIndex, workflowId, tenantId, occurredAt = '' }) => {
    const before = latest.get(workflowId) ?? { tenantId, occurredAt };
    latest.set(workflowId, { tenantId, occurredAt });
    const step = steps.get(runId) ?? -1;
    // A retrieval has the step of its call, which may not be the latest one where calls are made at once.
    if (kind === 'tool_call') steps.set(runId, stepIndex);
    return before.tenantId !== tenantId || occurredAt < before.occurredAt || (kind === 'tool_call' && stepIndex <= step);
  });
  expect(misplaced).toEqual([]);
});

onEveryDay('the billing agent that dies in step 3 bills twice in its second attempt, and only there', ({ lines, labels }) => {
  const story = lines.flatMap((line, index) => {
    const label = labels[index];
    const isWrite = line.kind === 'tool_call' && label?.kind === 'tool_call' && label.class === 'write';
    return isWrite && line.workflowId === 'invoice-run/2026-11/acme-042'
      ? [`${line.attempt} ${line.tool} ${line.status}: ${label.label}`]
      : [];
  });
  expect(story).toEqual([
    '1 entitlements.grant succeeded: first_effect',
    '1 billing.create_invoice_line succeeded: first_effect',
    '1 mail.send unknown: first_effect',
    '2 entitlements.grant succeeded: harmless_repeat',
    '2 billing.create_invoice_line succeeded: duplicate_effect',
    '2 mail.send succeeded: duplicate_effect',
    '2 webhooks.post succeeded: first_effect',
  ]);
});

onEveryDay('every record that the day left behind is the effect of exactly one call, and money adds up', ({ lines, labels, store }) => {
  const added = calls(labels).flatMap(({ effect = [] }) => effect.filter((one) => one.endsWith(' added')).map((one) => one.split(' ')[0]));
  expect(new Set(added).size).toBe(added.length);
  const made = (table: 'charges' | 'refunds' | 'orders' | 'outbox' | 'comments') =>
    store.all(table, (row) => row.created_at >= '2026-11-02').map(({ id }) => `${table}.${id}`);
  for (const table of ['charges', 'refunds', 'orders', 'outbox', 'comments'] as const) {
    expect(added.filter((name) => name?.startsWith(`${table}.`)).toSorted()).toEqual(made(table).toSorted());
  }
  const charged = lines.flatMap((line, index) => {
    const label = labels[index];
    const moved = line.kind === 'tool_call' && line.tool === 'billing.charge_card' && label?.kind === 'tool_call' && label.stateChanged;
    return moved ? [(line.arguments as { amount_cents: number }).amount_cents] : [];
  });
  const ledger = store.all('charges', ({ created_at }) => created_at >= '2026-11-02').map(({ amount_cents }) => amount_cents);
  const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
  expect(sum(charged)).toBe(sum(ledger));
});

onEveryDay('the state changes exactly where an effect is labelled, and never in a read', ({ labels }) => {
  const effects: readonly string[] = ['first_effect', 'duplicate_effect', 'amendment'];
  const wrong = calls(labels).filter(
    ({ label, stateChanged, effect, class: effectClass }) =>
      stateChanged !== effects.includes(label) || stateChanged !== (effect !== undefined) || (stateChanged && effectClass === 'read'),
  );
  expect(wrong).toEqual([]);
});

onEveryDay('second effects that are meant are no duplicates', ({ lines, labels }) => {
  const meant = lines.flatMap((line, index) => {
    const label = labels[index];
    const isMeant = line.kind === 'tool_call' && (line.occurrence !== undefined || line.approvalId !== undefined);
    return isMeant && label?.kind === 'tool_call' ? [label.label] : [];
  });
  expect(meant).toEqual(['first_effect', 'first_effect', 'first_effect', 'first_effect']);
});

onEveryDay('a lost request has no effect, a lost reply has one', ({ labels }) => {
  const lost = calls(labels).filter((label) => label.lost !== undefined);
  expect(lost.length).toBeGreaterThan(4);
  for (const label of lost) expect(label.stateChanged).toBe(label.lost === 'reply');
});

onEveryDay('the loop is there: the same question with the same answer, over and over', ({ lines }) => {
  const polls = new Map<string, number>();
  for (const line of lines) {
    if (line.kind === 'tool_call' && line.tool === 'exports.status') polls.set(line.workflowId, (polls.get(line.workflowId) ?? 0) + 1);
  }
  expect([...polls.values()].filter((count) => count > 20)).toHaveLength(1);
  expect([...polls.values()].filter((count) => count <= 12)).toHaveLength(2);
});
test('every kind of verdict occurs', () => {
  const seen = new Set(calls(day(1).labels).map(({ label, duplicate = '', harm = '' }) => `${label} ${duplicate} ${harm}`.trim()));
  const expected = ['exact money', 'exact new_record', 'divergent money', 'divergent new_record', 'divergent overwrite'];
  for (const one of expected) expect(seen).toContain(`duplicate_effect ${one}`);
  for (const verdict of ['harmless_repeat', 'amendment', 'failed_no_effect', 'noop_no_effect', 'redundant_read', 'reread_after_write']) {
    expect([...seen].some((one) => one.startsWith(verdict))).toBe(true);
  }
});

test('a repeat of a lost call is undecidable where no answer tells, and decidable where a read does', () => {
  const byTool = (seed: number) =>
    day(seed).lines.flatMap((line, index) => {
      const label = day(seed).labels[index];
      if (line.kind !== 'tool_call' || label?.kind !== 'tool_call' || label.repeatsLost !== true) return [];
      return [`${line.tool} ${label.label} ${label.undecidable === true}`];
    });
  expect(byTool(1).toSorted()).toEqual([
    'billing.charge_card duplicate_effect true',
    'billing.charge_card first_effect false',
    'mail.send duplicate_effect true',
    'mail.send first_effect false',
    'procurement.order duplicate_effect true',
  ]);
});

test('a ledger between agents and tools prevents what it knows to be a repeat, with the same seed', async () => {
  const answers = new Map<string, unknown>();
  const writes: ReadonlySet<string> = new Set(Object.entries(TOOLS).flatMap(([name, { kind }]) => (kind === 'write' ? [name] : [])));
  const ledger: Seam = async (tool, input, execute, { workflowId, occurrence = '', approvalId = '' }) => {
    const key = canonical([workflowId, tool, input as Json, occurrence, approvalId]);
    if (writes.has(tool) && answers.has(key)) return answers.get(key) as Awaited<ReturnType<typeof execute>>;
    const answer = await execute(input);
    answers.set(key, answer);
    return answer;
  };
  const { lines, labels } = await simulate(1, { seam: ledger });
  const exact = duplicates(labels).filter(({ duplicate }) => duplicate === 'exact');
  // What was lost was never answered, so a ledger that remembers answers alone cannot help there.
  expect(exact.length).toBeGreaterThan(0);
  expect(exact.every(({ repeatsLost }) => repeatsLost === true)).toBe(true);
  expect(harmful(labels).length).toBeLessThan(harmful(day(1).labels).length);
  expect(lines.length).toBeLessThan(day(1).lines.length);
});

test('the policy of the first day is a policy, and it names every read', async () => {
  const text = await readFile(COMPANY_POLICY, 'utf8');
  const read = readPolicy(text);
  if (!read.ok) throw new Error(JSON.stringify(read.mistakes));
  const policy = new PolicyLookup(read.policy);
  const misnamed = Object.entries(TOOLS).filter(([name, { kind }]) => (policy.effectOf(name) === 'read') !== (kind === 'read'));
  expect(misnamed).toEqual([]);
});

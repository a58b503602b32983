import type { AnyRecord } from '@idemtrace/schemas';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  actionsGroundedOnDocument,
  documentsBehindAction,
  duplicatesByDay,
  executionsOfKey,
  findAlerts,
  LineageQueryError,
  operatorCounts,
  operatorSequenceGaps,
  runTimeline,
  sequenceGaps,
  workflowAttempts,
} from '../src/index.ts';
import { startTestEngine, type TestEngine } from './support/engine.ts';
import { openPipeline, type TestPipeline } from './support/pipeline.ts';
import { alert, digest, retrieval, runEvent, toolCall, uuid } from './support/story.ts';

/**
 * The billing agent of acme reads a contract, charges, and loses the answer; its second attempt reads again and charges again. Globex has a
 * workflow of the same name, a charge of the same digest and a document of the same id.
 */
const [CHARGE_1, SEARCH_2, CHARGE_2, GLOBEX_CHARGE] = [uuid(1, 1), uuid(1, 2), uuid(1, 3), uuid(1, 4)];
const [READ_1, READ_2, GLOBEX_READ] = [uuid(2, 1), uuid(2, 2), uuid(2, 3)];
const [AGENT, GLOBEX_AGENT] = [uuid(9, 1), uuid(9, 2)];
const SECOND = { runId: 'run-2', attempt: 2 };
const KEY = { digests: [{ hashKeyId: 'k1', digest: digest('invoice-key') }], scope: 'workflow', source: 'declared' } as const;

const STORY: readonly AnyRecord[] = [
  { name: 'RunEvent', value: runEvent({ sequence: 0 }) },
  {
    name: 'RetrievalEvent',
    value: retrieval({
      retrievalId: READ_1,
      documents: [
        { id: 'doc-1', tenantId: 'acme', score: 0.9 },
        { id: 'doc-2', tenantId: 'globex', score: null },
      ],
      sequence: 1,
    }),
  },
  { name: 'ToolCallEvent', value: toolCall({ executionId: CHARGE_1, stepIndex: 1, groundedOn: [READ_1], effectKey: KEY, sequence: 2 }) },
  {
    name: 'ToolCallEvent',
    value: toolCall({
      executionId: CHARGE_1,
      stepIndex: 1,
      groundedOn: [READ_1],
      effectKey: KEY,
      phase: 'unknown',
      durationMs: 900,
      sequence: 3,
    }),
  },
  { name: 'RunEvent', value: runEvent({ ...SECOND, sequence: 4 }) },
  {
    name: 'ToolCallEvent',
    value: toolCall({
      ...SECOND,
      executionId: SEARCH_2,
      tool: 'search',
      effectName: 'search',
      effectClass: 'read',
      inputHashes: [],
      unhashable: 'too_large',
      phase: 'succeeded',
      sequence: 5,
    }),
  },
  { name: 'RetrievalEvent', value: retrieval({ ...SECOND, retrievalId: READ_2, executionId: SEARCH_2, sequence: 6 }) },
  { name: 'ToolCallEvent', value: toolCall({ ...SECOND, executionId: CHARGE_2, stepIndex: 1, effectKey: KEY, sequence: 7 }) },
  {
    name: 'ToolCallEvent',
    value: toolCall({ ...SECOND, executionId: CHARGE_2, stepIndex: 1, effectKey: KEY, phase: 'succeeded', durationMs: 40, sequence: 10 }),
  },
  { name: 'RunEvent', value: runEvent({ ...SECOND, phase: 'ended', status: 'succeeded', sequence: 11 }) },
];

const GLOBEX = { tenantId: 'globex', emitterId: GLOBEX_AGENT };
const GLOBEX_STORY: readonly AnyRecord[] = [
  { name: 'RetrievalEvent', value: retrieval({ ...GLOBEX, retrievalId: GLOBEX_READ, sequence: 0 }) },
  { name: 'ToolCallEvent', value: toolCall({ ...GLOBEX, executionId: GLOBEX_CHARGE, stepIndex: 1, effectKey: KEY, sequence: 1 }) },
];

const ALERT = alert({ executionId: CHARGE_2, stepIndex: 1 });

let engine: TestEngine;
let pipeline: TestPipeline;
beforeAll(async () => {
  engine = await startTestEngine();
  pipeline = await openPipeline(engine);
  // The outcome of the second charge comes twice.
  await pipeline.append(...STORY, ...GLOBEX_STORY, ...STORY.slice(8, 9));
  await pipeline.append(
    { name: 'Alert', value: { ...ALERT, revision: 9 } },
    { name: 'Alert', value: { ...ALERT, revision: 5, severity: 'warning' } },
    {
      name: 'Alert',
      value: alert({
        alertId: 'alert-2',
        rule: 'foreign_document',
        tool: null,
        severity: 'critical',
        cause: null,
        logTime: ALERT.logTime - 1_000,
      }),
    },
    { name: 'Alert', value: alert({ alertId: 'alert-3', severity: 'info', tool: 'search', logTime: ALERT.logTime - 86_400_000 }) },
    {
      name: 'Alert',
      value: alert({
        tenantId: 'globex',
        alertId: 'alert-4',
        executionId: GLOBEX_CHARGE,
        evidence: { ...ALERT.evidence, judgedAgainst: null, first: null, lastEffective: null, latest: [] },
      }),
    },
  );
  const sink = pipeline.sink();
  await sink.drain();
  await sink.close();
});
afterAll(async () => {
  await pipeline.close();
  await engine.stop();
});

describe('what lineage answers', () => {
  test('executions of a key: by input hash or effect key, the latest outcome of each, in order', async () => {
    const byInput = await executionsOfKey(pipeline.client, { tenantId: 'acme', digest: digest('input-a') });
    expect(
      byInput.map(({ executionId, outcome, attempt, durationMs, redeliveries }) => ({
        executionId,
        outcome,
        attempt,
        durationMs,
        redeliveries,
      })),
    ).toEqual([
      { executionId: CHARGE_1, outcome: 'unknown', attempt: 1, durationMs: 900, redeliveries: 0 },
      { executionId: CHARGE_2, outcome: 'succeeded', attempt: 2, durationMs: 40, redeliveries: 1 },
    ]);
    const byKey = await executionsOfKey(pipeline.client, { tenantId: 'acme', digest: digest('invoice-key'), workflowId: 'invoice-1' });
    expect(byKey).toEqual(byInput);
    expect(byKey[0]).toMatchObject({ effectKey: KEY, tool: 'charge_card', groundedOn: [READ_1], stepIndex: 1 });
    expect(await executionsOfKey(pipeline.client, { tenantId: 'acme', digest: digest('invoice-key'), workflowId: 'invoice-2' })).toEqual(
      [],
    );
  });

  test('a run’s timeline has its events once, in the order of the log', async () => {
    const events = await runTimeline(pipeline.client, { tenantId: 'acme', runId: 'run-2' });
    expect(events.map(({ value }) => value)).toEqual(STORY.slice(4));
  });

  test('a workflow’s attempts stand side by side, with current alerts', async () => {
    const view = await workflowAttempts(pipeline.client, { tenantId: 'acme', workflowId: 'invoice-1' });
    expect(
      view.runs.map(({ runId, attempt, status, executions, retrievals }) => ({
        runId,
        attempt,
        status,
        calls: executions.map(({ tool, outcome }) => `${tool} ${outcome}`),
        retrievals: retrievals.length,
      })),
    ).toEqual([
      { runId: 'run-1', attempt: 1, status: null, calls: ['charge_card unknown'], retrievals: 1 },
      { runId: 'run-2', attempt: 2, status: 'succeeded', calls: ['search succeeded', 'charge_card succeeded'], retrievals: 1 },
    ]);
    expect(view.alerts.map(({ alertId, revision, severity }) => `${alertId} ${revision} ${severity}`).sort()).toEqual([
      'alert-1 9 critical',
      'alert-2 5 critical',
      'alert-3 5 info',
    ]);
    expect(view.alerts.find(({ alertId }) => alertId === 'alert-1')).toEqual({ ...ALERT, revision: 9 });
  });

  test('actions grounded on a document: named by the agent, else inferred from the run; reads are none', async () => {
    const actions = await actionsGroundedOnDocument(pipeline.client, { tenantId: 'acme', documentId: 'doc-1' });
    expect(
      actions.map(({ executionId, grounding, retrievalId, dataSource }) => ({ executionId, grounding, retrievalId, dataSource })),
    ).toEqual([
      { executionId: CHARGE_1, grounding: 'named', retrievalId: READ_1, dataSource: 'contracts' },
      { executionId: CHARGE_2, grounding: 'inferred', retrievalId: READ_2, dataSource: 'contracts' },
    ]);
    const foreign = await actionsGroundedOnDocument(pipeline.client, { tenantId: 'acme', documentId: 'doc-2', dataSource: 'contracts' });
    expect(foreign.map(({ executionId }) => executionId)).toEqual([CHARGE_1]);
    expect(await actionsGroundedOnDocument(pipeline.client, { tenantId: 'acme', documentId: 'doc-1', dataSource: 'mails' })).toEqual([]);
  });

  test('documents behind an action: in the order that they were returned', async () => {
    const named = await documentsBehindAction(pipeline.client, { tenantId: 'acme', executionId: CHARGE_1 });
    expect(named.map(({ id, tenantId, score, grounding, retrievalId }) => ({ id, tenantId, score, grounding, retrievalId }))).toEqual([
      { id: 'doc-1', tenantId: 'acme', score: 0.9, grounding: 'named', retrievalId: READ_1 },
      { id: 'doc-2', tenantId: 'globex', score: null, grounding: 'named', retrievalId: READ_1 },
    ]);
    const inferred = await documentsBehindAction(pipeline.client, { tenantId: 'acme', executionId: CHARGE_2 });
    expect(inferred.map(({ id, grounding, retrievalId }) => ({ id, grounding, retrievalId }))).toEqual([
      { id: 'doc-1', grounding: 'inferred', retrievalId: READ_2 },
    ]);
  });

  test('duplicates by tool and day count current alerts, by severity', async () => {
    expect(await duplicatesByDay(pipeline.client, { tenantId: 'acme' })).toEqual([
      { day: '2026-01-05', tool: 'charge_card', critical: 1, warning: 0, info: 0, duplicates: 1 },
      { day: '2026-01-04', tool: 'search', critical: 0, warning: 0, info: 1, duplicates: 1 },
    ]);
    const [only, ...others] = await duplicatesByDay(pipeline.client, { tenantId: 'acme', from: ALERT.logTime });
    expect([only?.tool, others]).toEqual(['charge_card', []]);
  });

  test('alerts are found by rule, severity, workflow and time, latest first', async () => {
    const ids = async (filter: Omit<Parameters<typeof findAlerts>[1], 'tenantId'>): Promise<readonly string[]> =>
      (await findAlerts(pipeline.client, { tenantId: 'acme', ...filter })).map(({ alertId }) => alertId);
    expect(await ids({})).toEqual(['alert-1', 'alert-2', 'alert-3']);
    expect(await ids({ severityAtLeast: 'warning' })).toEqual(['alert-1', 'alert-2']);
    expect(await ids({ rule: 'foreign_document' })).toEqual(['alert-2']);
    expect(await ids({ workflowId: 'invoice-9' })).toEqual([]);
    expect(await ids({ from: ALERT.logTime - 1_000, to: ALERT.logTime })).toEqual(['alert-2']);
    expect(await ids({ limit: 1 })).toEqual(['alert-1']);
    const [current] = await findAlerts(pipeline.client, { tenantId: 'acme' });
    expect(current).toEqual({ ...ALERT, revision: 9, revisions: 2 });
  });

  test('a gap in an emitter’s sequence shows which events were dropped', async () => {
    const gap = { emitterId: AGENT, first: 8, last: 9, missing: 2, logTime: expect.any(Number) };
    expect(await sequenceGaps(pipeline.client, { tenantId: 'acme' })).toEqual([gap]);
    expect(await sequenceGaps(pipeline.client, { tenantId: 'globex' })).toEqual([]);
    expect(await operatorSequenceGaps(pipeline.client)).toEqual([{ tenantId: 'acme', ...gap }]);
    expect(await operatorSequenceGaps(pipeline.client, { from: Date.now() + 60_000 })).toEqual([]);
  });

  test('an operator counts across tenants, redeliveries apart', async () => {
    expect(await operatorCounts(pipeline.client)).toEqual({
      events: STORY.length + GLOBEX_STORY.length,
      executions: 4,
      alerts: 4,
      alertRevisions: 5,
      deadLetters: 0,
      redeliveries: 1,
    });
  });

  test('the list of all events has every kind once', async () => {
    const result = await pipeline.client.query({
      query: "SELECT kind, count() AS n FROM events WHERE tenantId = 'acme' GROUP BY kind ORDER BY kind",
      format: 'JSONEachRow',
    });
    expect((await result.json<{ kind: string; n: string }>()).map(({ kind, n }) => [kind, Number(n)])).toEqual([
      ['RetrievalEvent', 2],
      ['RunEvent', 3],
      ['ToolCallEvent', 5],
    ]);
  });
});

describe('tenants', () => {
  test('T1: same ids in two tenants, and no answer to one holds anything of the other', async () => {
    const { client } = pipeline;
    const tenantId = 'globex';
    const answers = await Promise.all([
      executionsOfKey(client, { tenantId, digest: digest('invoice-key') }),
      runTimeline(client, { tenantId, runId: 'run-1' }),
      workflowAttempts(client, { tenantId, workflowId: 'invoice-1' }),
      actionsGroundedOnDocument(client, { tenantId, documentId: 'doc-1' }),
      documentsBehindAction(client, { tenantId, executionId: GLOBEX_CHARGE }),
      findAlerts(client, { tenantId }),
      duplicatesByDay(client, { tenantId }),
    ]);
    for (const answer of answers)
      expect(JSON.stringify(answer)).not.toMatch(new RegExp([CHARGE_1, CHARGE_2, READ_1, READ_2, AGENT].join('|')));
    expect(answers.map((answer) => ('length' in answer ? answer.length : answer.runs.length))).toEqual([1, 2, 1, 1, 1, 1, 1]);
    expect(await documentsBehindAction(client, { tenantId, executionId: CHARGE_1 })).toEqual([]);
  });

  test('T1: a query without a tenant is refused, never answered for all', async () => {
    const refused = { code: 'tenant_required' };
    await expect(findAlerts(pipeline.client, { tenantId: '' })).rejects.toMatchObject(refused);
    await expect(workflowAttempts(pipeline.client, { tenantId: '', workflowId: 'invoice-1' })).rejects.toBeInstanceOf(LineageQueryError);
    await expect(sequenceGaps(pipeline.client, { tenantId: '' })).rejects.toMatchObject(refused);
  });

  test('a value in a parameter stays a value', async () => {
    const attack = "acme' OR 1 = 1 --";
    expect(await findAlerts(pipeline.client, { tenantId: attack })).toEqual([]);
    expect(await executionsOfKey(pipeline.client, { tenantId: 'acme', digest: attack })).toEqual([]);
  });
});

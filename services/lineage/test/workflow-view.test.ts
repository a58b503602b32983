import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildWorkflowView, type EventRecord, type Positioned } from '../src/index.ts';
import { alert, retrieval, runEvent, toolCall, uuid } from './support/story.ts';

const SCOPE = { tenantId: 'acme', workflowId: 'invoice-1' };

function at(offset: number, value: EventRecord): Positioned<EventRecord> {
  return { partition: 0, offset, logTime: 1_000 + offset, value };
}

const SECOND = { runId: 'run-2', attempt: 2 };
const EVENTS: readonly Positioned<EventRecord>[] = [
  at(0, { name: 'RunEvent', value: runEvent() }),
  at(1, { name: 'ToolCallEvent', value: toolCall({ stepIndex: 1, disclosed: [{ path: 'input.id', json: '1' }] }) }),
  at(2, { name: 'RetrievalEvent', value: retrieval() }),
  at(3, { name: 'ToolCallEvent', value: toolCall({ stepIndex: 1, phase: 'unknown', durationMs: 7 }) }),
  at(4, { name: 'RunEvent', value: runEvent({ ...SECOND }) }),
  at(5, { name: 'ToolCallEvent', value: toolCall({ ...SECOND, executionId: uuid(1, 2), stepIndex: 3 }) }),
  at(6, { name: 'ToolCallEvent', value: toolCall({ ...SECOND, executionId: uuid(1, 3), stepIndex: 2, phase: 'succeeded' }) }),
  at(7, { name: 'RunEvent', value: runEvent({ ...SECOND, phase: 'suspended' }) }),
  at(8, {
    name: 'ToolCallEvent',
    value: toolCall({ stepIndex: 1, phase: 'compensated', disclosed: [{ path: 'result.ok', json: 'true' }] }),
  }),
];
const ALERTS = [alert({ revision: 8, severity: 'info' }), alert(), alert({ alertId: 'earlier', offset: 1 })];

test('a view holds runs by attempt, calls by step, the latest outcome of each, and current alerts by position', () => {
  const view = buildWorkflowView(SCOPE, EVENTS, ALERTS);
  expect(view.runs.map(({ runId, status, suspended }) => ({ runId, status, suspended }))).toEqual([
    { runId: 'run-1', status: null, suspended: false },
    { runId: 'run-2', status: null, suspended: true },
  ]);
  expect(view.runs[0]?.executions).toMatchObject([
    {
      executionId: uuid(1, 1),
      outcome: 'compensated',
      offset: 1,
      logTime: 1_001,
      disclosed: [{ path: 'input.id' }, { path: 'result.ok' }],
    },
  ]);
  expect(view.runs[0]?.retrievals).toMatchObject([{ retrievalId: uuid(2, 1), offset: 2 }]);
  expect(view.runs[1]?.executions.map(({ stepIndex, outcome }) => ({ stepIndex, outcome }))).toEqual([
    { stepIndex: 2, outcome: 'succeeded' },
    { stepIndex: 3, outcome: 'started' },
  ]);
  expect(view.alerts.map(({ alertId, revision, severity }) => ({ alertId, revision, severity }))).toEqual([
    { alertId: 'earlier', revision: 5, severity: 'critical' },
    { alertId: 'alert-1', revision: 8, severity: 'info' },
  ]);
});

test('L1: redelivered and reordered events and alerts give the same view', () => {
  const view = buildWorkflowView(SCOPE, EVENTS, ALERTS);
  const redelivered = EVENTS.map((event) => ({ ...event, offset: event.offset + 100 }));
  const shuffled = fc.shuffledSubarray([...EVENTS, ...redelivered], { minLength: EVENTS.length * 2 });
  fc.assert(
    fc.property(shuffled, fc.shuffledSubarray([...ALERTS, ...ALERTS], { minLength: ALERTS.length * 2 }), (events, alerts) => {
      expect(buildWorkflowView(SCOPE, events, alerts)).toEqual(view);
    }),
  );
});

test('T1: events and alerts of another tenant or workflow are left out', () => {
  const foreign = [
    at(20, { name: 'ToolCallEvent', value: toolCall({ tenantId: 'globex' }) }),
    at(21, { name: 'RunEvent', value: runEvent({ workflowId: 'invoice-2' }) }),
  ];
  const view = buildWorkflowView(SCOPE, [...EVENTS, ...foreign], [...ALERTS, alert({ tenantId: 'globex', alertId: 'foreign' })]);
  expect(view).toEqual(buildWorkflowView(SCOPE, EVENTS, ALERTS));
  expect(buildWorkflowView({ ...SCOPE, tenantId: 'initech' }, EVENTS, ALERTS)).toEqual({
    ...SCOPE,
    tenantId: 'initech',
    runs: [],
    alerts: [],
  });
});

/** Puts a workflow's events together as a person looks at them. Pure: events come from ClickHouse, or from a scan of the log where it is missing. */
import type { Alert, AnyRecord, RetrievalEvent, RunEvent, ToolCallEvent } from '@idemtrace/schemas';
import type { ExecutionView, Positioned, RetrievalView, RunView, WorkflowView } from './view.ts';

/** An event of a workflow with the name of its schema. */
export type EventRecord = Extract<AnyRecord, { readonly name: 'RunEvent' | 'ToolCallEvent' | 'RetrievalEvent' }>;

export interface WorkflowScope {
  readonly tenantId: string;
  readonly workflowId: string;
}

/**
 * The view of one workflow. Events and alerts may come in any order, several times, and of other workflows and tenants, which are left out:
 * the first position of an event counts, the highest revision of an alert.
 */
export function buildWorkflowView(
  scope: WorkflowScope,
  events: readonly Positioned<EventRecord>[],
  alerts: readonly Alert[],
): WorkflowView {
  const own = firstOfEach(events.filter(({ value }) => isOf(scope, value.value)).sort(byPosition));
  return {
    tenantId: scope.tenantId,
    workflowId: scope.workflowId,
    runs: [...Map.groupBy(own, ({ value }) => value.value.runId)].map(([runId, ofRun]) => runView(runId, ofRun)).sort(byAttempt),
    alerts: currentAlerts(alerts.filter((alert) => isOf(scope, alert))),
  };
}

function isOf(scope: WorkflowScope, value: WorkflowScope): boolean {
  return value.tenantId === scope.tenantId && value.workflowId === scope.workflowId;
}

function byPosition(a: Positioned<unknown>, b: Positioned<unknown>): number {
  return a.partition - b.partition || a.offset - b.offset;
}

/** Sorting is stable, and runs come by position already. */
function byAttempt(a: RunView, b: RunView): number {
  return a.attempt - b.attempt;
}

function byStep(a: { stepIndex: number }, b: { stepIndex: number }): number {
  return a.stepIndex - b.stepIndex;
}

/** What makes two records the same event, within a workflow. */
function identityOf({ name, value }: EventRecord): string {
  switch (name) {
    case 'RunEvent':
      return JSON.stringify([name, value.runId, value.incarnation, value.phase]);
    case 'ToolCallEvent':
      return JSON.stringify([name, value.executionId, value.phase]);
    case 'RetrievalEvent':
      return JSON.stringify([name, value.retrievalId]);
  }
}

function firstOfEach(events: readonly Positioned<EventRecord>[]): readonly Positioned<EventRecord>[] {
  const first = new Map<string, Positioned<EventRecord>>();
  for (const event of events) {
    const identity = identityOf(event.value);
    if (!first.has(identity)) first.set(identity, event);
  }
  return [...first.values()];
}

type EventName = EventRecord['name'];
type EventOf<N extends EventName> = Extract<EventRecord, { readonly name: N }>['value'];

/** The events of one kind, their positions kept. */
function ofKind<N extends EventName>(name: N, events: readonly Positioned<EventRecord>[]): readonly Positioned<EventOf<N>>[] {
  return events.flatMap(({ value: record, ...position }) =>
    record.name === name ? [{ ...position, value: record.value as EventOf<N> }] : [],
  );
}

function runView(runId: string, events: readonly Positioned<EventRecord>[]): RunView {
  const runEvents: readonly Positioned<RunEvent>[] = ofKind('RunEvent', events);
  const calls: readonly Positioned<ToolCallEvent>[] = ofKind('ToolCallEvent', events);
  const retrievals: readonly Positioned<RetrievalEvent>[] = ofKind('RetrievalEvent', events);
  const first = events[0]?.value.value;
  const last = runEvents.at(-1)?.value;
  return {
    runId,
    attempt: first?.attempt ?? 1,
    parentRunId: first?.parentRunId ?? null,
    agentId: first?.agentId ?? null,
    agentVersion: first?.agentVersion ?? null,
    status: last?.phase === 'ended' ? (last.status ?? 'unspecified') : null,
    suspended: last?.phase === 'suspended',
    executions: [...Map.groupBy(calls, ({ value }) => value.executionId).values()].flatMap(executionView).sort(byStep),
    retrievals: retrievals.map(retrievalView).sort(byStep),
  };
}

function executionView(phases: readonly Positioned<ToolCallEvent>[]): readonly ExecutionView[] {
  const [first] = phases;
  if (first === undefined) return [];
  const outcome = phases.findLast(({ value }) => value.phase !== 'started') ?? first;
  const { value, offset, logTime } = first;
  return [
    {
      executionId: value.executionId,
      runId: value.runId,
      stepIndex: value.stepIndex,
      toolCallId: value.toolCallId,
      tool: value.tool,
      effectName: value.effectName,
      effectClass: value.effectClass,
      inputHashes: value.inputHashes,
      effectKey: value.effectKey,
      outcome: outcome.value.phase,
      offset,
      logTime,
      occurredAt: value.occurredAt,
      durationMs: outcome.value.durationMs,
      leafHashKeyId: value.leafHashKeyId,
      argumentDigests: value.argumentDigests,
      argumentDigestsOmitted: value.argumentDigestsOmitted,
      groundedOn: value.groundedOn,
      // Results are disclosed with the outcome, inputs with every phase.
      disclosed: [...new Map(phases.flatMap((phase) => phase.value.disclosed).map((field) => [field.path, field])).values()],
    },
  ];
}

function retrievalView({ value, offset, logTime }: Positioned<RetrievalEvent>): RetrievalView {
  return {
    retrievalId: value.retrievalId,
    runId: value.runId,
    stepIndex: value.stepIndex,
    executionId: value.executionId,
    dataSource: value.dataSource,
    documents: value.documents,
    offset,
    logTime,
    occurredAt: value.occurredAt,
  };
}

function currentAlerts(alerts: readonly Alert[]): readonly Alert[] {
  const current = new Map<string, Alert>();
  for (const alert of alerts) {
    const known = current.get(alert.alertId);
    if (known === undefined || known.revision < alert.revision) current.set(alert.alertId, alert);
  }
  return [...current.values()].sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

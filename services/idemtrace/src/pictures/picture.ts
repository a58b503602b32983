import type { Alert, DocumentRef } from '@idemtrace/schemas';
import { SEVERITY_RANK } from './marks.ts';
import type { ExecutionView, RetrievalView, RunView, WorkflowView } from './view.ts';

/** Two places that an alert joins: the earlier execution and its repetition, or a retrieval and what was done upon it. */
export interface Clash {
  /** From 1; the same at both ends. */
  readonly label: number;
  readonly alert: Alert;
  /** Execution or retrieval id. */
  readonly from: string;
  readonly to: string;
}

export interface ClashEnd {
  readonly clash: Clash;
  readonly end: 'from' | 'to';
}

interface Placed {
  /** How many parents its run has, one more for what an execution made. */
  readonly depth: number;
  /** Told at the place. */
  readonly alerts: readonly Alert[];
  /** Marked only. */
  readonly minor: number;
  readonly ends: readonly ClashEnd[];
  /** Whether an alert or a clash is here: never left out. */
  readonly affected: boolean;
}

export interface ExecutionItem extends Placed {
  readonly kind: 'execution';
  readonly execution: ExecutionView;
}

export interface RetrievalItem extends Placed {
  readonly kind: 'retrieval';
  readonly retrieval: RetrievalView;
  readonly foreign: readonly DocumentRef[];
}

export interface SubRunItem {
  readonly kind: 'subrun';
  readonly run: RunView;
  readonly depth: number;
  readonly affected: false;
}

/** Unaffected items that are left out. */
export interface ElidedItems {
  readonly kind: 'elided';
  readonly count: number;
  readonly depth: number;
  readonly affected: false;
}

export type Item = ExecutionItem | RetrievalItem | SubRunItem | ElidedItems;

/** One step of a lane's run, and the sub-agents started in it. */
export interface Block {
  readonly step: number;
  readonly items: readonly Item[];
}

/** A run that no other run of the view started. */
export interface Lane {
  readonly run: RunView;
  readonly blocks: readonly Block[];
}

export interface Picture {
  readonly lanes: readonly Lane[];
  readonly clashes: readonly Clash[];
  /** Alerts that are told, but belong to nothing in the view. */
  readonly unplaced: readonly Alert[];
}

/** Most clashes that are joined and labelled, the worst first. */
const MAX_CLASHES = 20;

/** What is to be drawn of a workflow: everything of warning and above, or with `alertId` that one alert. */
export function pictureOf(view: WorkflowView, alertId?: string): Picture {
  const told = toldAlerts(view, alertId);
  const ids = new Set<string>();
  for (const run of view.runs) {
    for (const { executionId } of run.executions) ids.add(executionId);
    for (const { retrievalId } of run.retrievals) ids.add(retrievalId);
  }
  const clashes = clashesOf(view, told, ids);
  const context: Context = {
    view,
    toldAt: byPlace(told),
    minorAt: byPlace(view.alerts.filter((alert) => !told.includes(alert))),
    ends: endsOf(clashes),
    foreign: foreignDocuments(view),
    children: Map.groupBy(view.runs, (run) => run.parentRunId ?? ''),
    drawn: new Set(),
  };
  const known = new Set(view.runs.map((run) => run.runId));
  const roots = view.runs.filter((run) => run.parentRunId === null || !known.has(run.parentRunId) || run.parentRunId === run.runId);
  const lanes: Lane[] = [];
  // After the roots the rest: what claims a parent that claims it back has no root, and must not vanish.
  for (const run of [...roots, ...view.runs]) if (!context.drawn.has(run)) lanes.push(laneOf(run, context));
  return { lanes, clashes, unplaced: told.filter((alert) => !ids.has(placeOf(alert))) };
}

function toldAlerts(view: WorkflowView, alertId: string | undefined): readonly Alert[] {
  if (alertId !== undefined) return view.alerts.filter((alert) => alert.alertId === alertId);
  return view.alerts.filter((alert) => SEVERITY_RANK[alert.severity] <= SEVERITY_RANK.warning);
}

function placeOf(alert: Alert): string {
  return alert.executionId ?? alert.retrievalId ?? '';
}

function byPlace(alerts: readonly Alert[]): ReadonlyMap<string, readonly Alert[]> {
  return Map.groupBy(alerts, placeOf);
}

function clashesOf(view: WorkflowView, told: readonly Alert[], ids: ReadonlySet<string>): Clash[] {
  const ends = told.flatMap((alert) => {
    const to = placeOf(alert);
    const from = alert.evidence.judgedAgainst?.executionId ?? groundOf(view, alert);
    return from === undefined || from === to || !ids.has(from) || !ids.has(to) ? [] : [{ alert, from, to }];
  });
  const worst = ends.sort((a, b) => SEVERITY_RANK[a.alert.severity] - SEVERITY_RANK[b.alert.severity]).slice(0, MAX_CLASHES);
  return worst.sort((a, b) => a.alert.offset - b.alert.offset).map((end, index) => ({ ...end, label: index + 1 }));
}

/** The last retrieval before a contaminated action that returned one of its documents. */
function groundOf(view: WorkflowView, alert: Alert): string | undefined {
  if (alert.rule !== 'contaminated_action' || alert.executionId === null) return undefined;
  const documents = new Set(alert.evidence.documents.map((document) => document.id));
  const retrievals = view.runs.flatMap((run) => run.retrievals);
  return retrievals.findLast((one) => one.offset <= alert.offset && one.documents.some(({ id }) => documents.has(id)))?.retrievalId;
}

function endsOf(clashes: readonly Clash[]): ReadonlyMap<string, readonly ClashEnd[]> {
  const ends = clashes.flatMap((clash) => [
    { id: clash.from, clash, end: 'from' as const },
    { id: clash.to, clash, end: 'to' as const },
  ]);
  return Map.groupBy(ends, ({ id }) => id);
}

/** Ids of the documents that the detector called foreign. Another tenant's document without an alert is a shared one. */
export function foreignDocuments(view: WorkflowView): ReadonlySet<string> {
  const rules = ['foreign_document', 'contaminated_action'];
  const documents = view.alerts.filter((alert) => rules.includes(alert.rule)).flatMap((alert) => alert.evidence.documents);
  return new Set(
    documents.filter((document) => document.tenantId !== null && document.tenantId !== view.tenantId).map((document) => document.id),
  );
}

interface Context {
  readonly view: WorkflowView;
  readonly toldAt: ReadonlyMap<string, readonly Alert[]>;
  readonly minorAt: ReadonlyMap<string, readonly Alert[]>;
  readonly ends: ReadonlyMap<string, readonly ClashEnd[]>;
  readonly foreign: ReadonlySet<string>;
  readonly children: ReadonlyMap<string, readonly RunView[]>;
  readonly drawn: Set<RunView>;
}

interface Stepped {
  readonly step: number;
  readonly offset: number;
  readonly item: Item;
}

function laneOf(run: RunView, context: Context): Lane {
  const steps = Map.groupBy(steppedItems(run, 0, context), ({ step }) => step);
  const blocks = [...steps].sort(([a], [b]) => a - b).map(([step, items]) => ({ step, items: items.map(({ item }) => item) }));
  return { run, blocks };
}

/** A run's items in order; sub-agents' runs, headed by their run, where the parent started them: in its step. */
function steppedItems(run: RunView, depth: number, context: Context): Stepped[] {
  context.drawn.add(run);
  const place = (id: string) => {
    const alerts = context.toldAt.get(id) ?? [];
    const ends = context.ends.get(id) ?? [];
    return { alerts, ends, minor: context.minorAt.get(id)?.length ?? 0, affected: alerts.length + ends.length > 0 };
  };
  const own = new Map(run.executions.map((execution) => [execution.executionId, execution]));
  const stepped: Stepped[] = run.executions.map((execution) => ({
    step: execution.stepIndex,
    offset: execution.offset,
    item: { kind: 'execution', execution, depth, ...place(execution.executionId) },
  }));
  for (const retrieval of run.retrievals) {
    const maker = retrieval.executionId === null ? undefined : own.get(retrieval.executionId);
    const foreign = retrieval.documents.filter(({ id, tenantId }) => context.foreign.has(id) && tenantId !== context.view.tenantId);
    const item: RetrievalItem = {
      kind: 'retrieval',
      retrieval,
      foreign,
      depth: maker === undefined ? depth : depth + 1,
      ...place(retrieval.retrievalId),
    };
    stepped.push({ step: maker?.stepIndex ?? retrieval.stepIndex, offset: retrieval.offset, item });
  }
  stepped.sort((a, b) => a.step - b.step || a.offset - b.offset);
  for (const child of context.children.get(run.runId) ?? []) {
    if (context.drawn.has(child)) continue;
    const items = steppedItems(child, depth + 1, context);
    const start = Math.min(...items.map(({ offset }) => offset), Number.MAX_SAFE_INTEGER);
    const before = stepped.findLastIndex(({ offset, item }) => offset <= start && item.depth <= depth + 1);
    const { step, offset } = stepped[before] ?? stepped[0] ?? { step: 0, offset: start };
    const header: Item = { kind: 'subrun', run: child, depth: depth + 1, affected: false };
    stepped.splice(before + 1, 0, ...[header, ...items.map(({ item }) => item)].map((item) => ({ step, offset, item })));
  }
  return stepped;
}

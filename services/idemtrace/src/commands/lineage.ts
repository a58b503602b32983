/** `idemtrace lineage …`: what happened, of one tenant; gaps also of all, for operators. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import {
  type ActionDocument,
  actionsGroundedOnDocument,
  type DuplicateCount,
  documentsBehindAction,
  duplicatesByDay,
  type EventRecord,
  type ExecutionRow,
  executionsOfKey,
  type GroundedAction,
  LineageQueryError,
  type OperatorSequenceGap,
  operatorSequenceGaps,
  type Positioned,
  runTimeline,
  type SequenceGap,
  sequenceGaps,
} from '@idemtrace/lineage';
import { CommandError, EXIT } from '../output/command-error.ts';
import { type Cell, table, timeText } from '../output/table.ts';
import { drawAttempts, renderSvg, tellAlert } from '../pictures/index.ts';
import { queryLineage } from '../pipeline/lineage.ts';
import { openStore } from '../pipeline/store.ts';
import { workflowView } from '../pipeline/workflow-view.ts';
import { type CommonOptions, type Context, configure } from './context.ts';
import { wholeNumber } from './option-values.ts';

interface TenantOptions extends CommonOptions {
  readonly tenant: string;
}

interface GapsOptions extends CommonOptions {
  readonly tenant?: string;
  readonly allTenants?: boolean;
}

interface Answer<R> {
  readonly rows: readonly R[];
  readonly headings: readonly string[];
  readonly cells: (row: R) => readonly Cell[];
  /** Said where there are no rows. */
  readonly none: string;
}

const DAY_MS = 86_400_000;

/** Asks, and prints rows: a table for people, one JSON object a line for programs. */
async function answer<R>(
  context: Context,
  options: CommonOptions & { readonly tenant?: string },
  ask: (client: ClickHouseClient) => Promise<Answer<R>>,
): Promise<number> {
  const { config } = configure(context, options);
  const lineage = await queryLineage(config);
  try {
    const { rows, headings, cells, none } = await ask(lineage.client);
    if (options.json === true) for (const row of rows) context.screen.print(JSON.stringify(row));
    else if (rows.length === 0)
      context.screen.note(`${none} (${options.tenant === undefined ? 'all tenants' : `tenant ${options.tenant}`}, ${config.dataDir})`);
    else context.screen.print(table(headings, rows.map(cells)));
    return EXIT.ok;
  } catch (error) {
    if (error instanceof LineageQueryError && error.code === 'tenant_required')
      throw new CommandError('invalid_input', error.message, { cause: error });
    throw error;
  } finally {
    await lineage.close();
  }
}

function limitOf({ limit }: { readonly limit: string }): number {
  return wholeNumber('--limit', limit, { least: 1, most: 1_000_000 });
}

const EXECUTION_HEADINGS = ['log time', 'workflow', 'run', 'attempt', 'step', 'tool', 'class', 'outcome', 'execution'];

function executionCells(row: ExecutionRow): readonly Cell[] {
  return [
    timeText(row.logTime),
    row.workflowId,
    row.runId,
    row.attempt,
    row.stepIndex,
    row.tool,
    row.effectClass,
    row.outcome,
    row.executionId,
  ];
}

export interface AttemptsOptions extends TenantOptions {
  readonly alert?: string;
  readonly svg?: string;
}

export async function attemptsCommand(context: Context, workflowId: string, options: AttemptsOptions): Promise<number> {
  const { screen, cwd } = context;
  const { config } = configure(context, options);
  const store = await openStore(config);
  // Without an engine the log itself is looked through: slower, and the same picture.
  const lineage = await queryLineage(config).catch((error: unknown) => {
    if (error instanceof CommandError && error.code === 'engine_unavailable') return undefined;
    throw error;
  });
  try {
    const scope = { tenantId: options.tenant, workflowId };
    const stored = lineage && (await workflowView({ store, lineage: { on: true, store: lineage } }, config.topics, scope));
    // What was judged while lineage was off is in the log alone.
    const view = stored?.runs.length ? stored : await workflowView({ store, lineage: { on: false } }, config.topics, scope);
    if (view.runs.length === 0) {
      throw new CommandError('not_found', `Tenant ${options.tenant} has no workflow ${workflowId} in ${config.dataDir}.`);
    }
    const alert = options.alert === undefined ? undefined : view.alerts.find(({ alertId }) => alertId === options.alert);
    if (options.alert !== undefined && alert === undefined) {
      throw new CommandError('not_found', `Workflow ${workflowId} has no alert ${options.alert}.`);
    }
    const of = alert === undefined ? {} : { alertId: alert.alertId };
    if (options.json === true) screen.print(JSON.stringify(view));
    else if (options.svg !== undefined) {
      const path = resolve(cwd, options.svg);
      writeFileSync(path, renderSvg(view, of));
      screen.note(`${path}: ${view.runs.length} attempts of ${workflowId}`);
    } else {
      screen.print(drawAttempts(view, { ...screen, ...of }));
      if (alert !== undefined) screen.print(`\n${tellAlert(alert, view, screen)}`);
    }
    return EXIT.ok;
  } finally {
    await lineage?.close();
    await store.close();
  }
}

export function runCommand(context: Context, runId: string, options: TenantOptions & { readonly workflow: string }): Promise<number> {
  return answer<Positioned<EventRecord>>(context, options, async (client) => ({
    rows: await runTimeline(client, { tenantId: options.tenant, runId, workflowId: options.workflow }),
    headings: ['log time', 'partition', 'offset', 'event', 'step', 'what'],
    cells: ({ logTime, partition, offset, value }) => [timeText(logTime), partition, offset, ...eventCells(value)],
    none: `No run ${runId}.`,
  }));
}

function eventCells(event: EventRecord): readonly Cell[] {
  switch (event.name) {
    case 'RunEvent':
      return [`run ${event.value.phase}`, null, event.value.status];
    case 'ToolCallEvent':
      return [`call ${event.value.phase}`, event.value.stepIndex, event.value.tool];
    case 'RetrievalEvent':
      return ['retrieval', event.value.stepIndex, `${event.value.dataSource}: ${event.value.documents.length} documents`];
  }
}

export function executionsCommand(context: Context, subject: string, options: TenantOptions & { readonly limit: string }): Promise<number> {
  // The subject of an alert names the key's id before the digest.
  const digest = subject.slice(subject.lastIndexOf(':') + 1);
  return answer<ExecutionRow>(context, options, async (client) => ({
    rows: await executionsOfKey(client, { tenantId: options.tenant, digest, limit: limitOf(options) }),
    headings: EXECUTION_HEADINGS,
    cells: executionCells,
    none: 'No execution of this key.',
  }));
}

export function documentCommand(
  context: Context,
  documentId: string,
  options: TenantOptions & { readonly limit: string },
): Promise<number> {
  return answer<GroundedAction>(context, options, async (client) => ({
    rows: await actionsGroundedOnDocument(client, { tenantId: options.tenant, documentId, limit: limitOf(options) }),
    headings: [...EXECUTION_HEADINGS, 'data source', 'grounding'],
    cells: (row) => [...executionCells(row), row.dataSource, row.grounding],
    none: `No action rests on document ${documentId}.`,
  }));
}

export function actionCommand(context: Context, executionId: string, options: TenantOptions): Promise<number> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(executionId)) {
    throw new CommandError('invalid_input', 'An execution is named by its UUID: `idemtrace lineage run` and alerts show it.');
  }
  return answer<ActionDocument>(context, options, async (client) => ({
    rows: await documentsBehindAction(client, { tenantId: options.tenant, executionId }),
    headings: ['document', 'tenant', 'score', 'data source', 'step', 'grounding'],
    cells: (row) => [row.id, row.tenantId, row.score, row.dataSource, row.stepIndex, row.grounding],
    none: `Action ${executionId} rests on no document.`,
  }));
}

export function duplicatesCommand(context: Context, options: TenantOptions & { readonly days: string }): Promise<number> {
  const days = Number(options.days);
  if (!(days > 0)) throw new CommandError('invalid_input', `--days ${options.days} is not a number of days.`);
  return answer<DuplicateCount>(context, options, async (client) => ({
    rows: await duplicatesByDay(client, { tenantId: options.tenant, from: Math.floor(Date.now() - days * DAY_MS) }),
    headings: ['day', 'tool', 'duplicates', 'critical', 'warning', 'info'],
    cells: (row) => [row.day, row.tool, row.duplicates, row.critical, row.warning, row.info],
    none: 'No duplicates.',
  }));
}

export function gapsCommand(context: Context, options: GapsOptions): Promise<number> {
  const { tenant } = options;
  const headings = ['log time', 'emitter', 'first', 'last', 'missing'];
  const cells = (row: SequenceGap): readonly Cell[] => [timeText(row.logTime), row.emitterId, row.first, row.last, row.missing];
  const none = 'No gaps: every event that was sent has come.';
  if (tenant !== undefined) {
    return answer<SequenceGap>(context, options, async (client) => ({
      rows: await sequenceGaps(client, { tenantId: tenant }),
      headings,
      cells,
      none,
    }));
  }
  if (options.allTenants !== true) {
    throw new CommandError('invalid_input', 'Name a tenant with --tenant, or ask as an operator with --all-tenants.');
  }
  return answer<OperatorSequenceGap>(context, options, async (client) => ({
    rows: await operatorSequenceGaps(client),
    headings: ['tenant', ...headings],
    cells: (row) => [row.tenantId, ...cells(row)],
    none,
  }));
}

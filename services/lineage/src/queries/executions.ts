/** Executions: of a key, and how often they were repeated. */
import type { ClickHouseClient } from '@clickhouse/client';
import type { EffectClass, EffectKey, KeyedDigest, ToolPhase } from '@idemtrace/schemas';
import { askTenant, type TenantScope } from './ask.ts';
import { effectKeyOf } from './events.ts';

/** An execution as a row: its first seen phase with its latest outcome. */
export interface ExecutionRow {
  readonly workflowId: string;
  readonly runId: string;
  readonly attempt: number;
  readonly agentId: string | null;
  readonly stepIndex: number;
  readonly executionId: string;
  readonly toolCallId: string | null;
  readonly tool: string;
  readonly effectName: string;
  readonly effectClass: EffectClass;
  readonly inputHashes: readonly KeyedDigest[];
  readonly effectKey: EffectKey | null;
  readonly groundedOn: readonly string[];
  /** `started` where no outcome has come. */
  readonly outcome: ToolPhase;
  readonly durationMs: number | null;
  /** Position and log time (ms since the epoch) of the first seen phase. */
  readonly partition: number;
  readonly offset: number;
  readonly logTime: number;
  /** How often its events came again. */
  readonly redeliveries: number;
}

type SelectedExecution = Omit<ExecutionRow, 'effectKey'> & { readonly effectKey: EffectKey };

/** Selects ExecutionRows from `executions`, known as `e`. */
export const EXECUTION_SELECT = `SELECT e.workflowId AS workflowId, e.runId AS runId, e.attempt AS attempt, e.agentId AS agentId, e.stepIndex AS stepIndex,
  e.executionId AS executionId, e.toolCallId AS toolCallId, e.tool AS tool, e.effectName AS effectName, e.effectClass AS effectClass,
  e.inputHashes AS inputHashes, e.effectKey AS effectKey, e.groundedOn AS groundedOn, e.outcome AS outcome, e.durationMs AS durationMs,
  e.recordPartition AS partition, e.recordOffset AS offset, toUnixTimestamp64Milli(e.recordTime) AS logTime, e.redeliveries AS redeliveries
  FROM executions AS e`;

/** Reads what EXECUTION_SELECT selects. */
export async function askExecutions<T extends object = object>(
  client: ClickHouseClient,
  query: string,
  parameters: Parameters<typeof askTenant>[2],
): Promise<readonly (ExecutionRow & T)[]> {
  const rows = await askTenant<SelectedExecution & T>(client, query, parameters, ['executionId', 'outcome', 'effectKey', 'redeliveries']);
  return rows.map((row) => ({ ...row, effectKey: effectKeyOf(row.effectKey) }));
}

/**
 * Executions whose input hash or effect key has this digest (the subject of an alert), in one workflow or in all of the tenant's, in the order
 * of the log.
 */
export function executionsOfKey(
  client: ClickHouseClient,
  scope: TenantScope & { readonly digest: string; readonly workflowId?: string | undefined; readonly limit?: number },
): Promise<readonly ExecutionRow[]> {
  const { tenantId, digest, workflowId, limit = 1_000 } = scope;
  const inWorkflow = workflowId === undefined ? '' : 'AND workflowId = {workflowId:String}';
  // The table has indexes of the digests, the view is found by execution: of few granules in both.
  return askExecutions(
    client,
    `${EXECUTION_SELECT}
     WHERE tenantId = {tenantId:String} ${inWorkflow} AND executionId IN (
       SELECT executionId FROM tool_call_events
       WHERE tenantId = {tenantId:String} ${inWorkflow}
         AND (has(tupleElement(inputHashes, 'digest'), {digest:String}) OR has(tupleElement(tupleElement(effectKey, 'digests'), 'digest'), {digest:String}))
     )
     ORDER BY logTime, partition, offset LIMIT {limit:UInt32}`,
    { tenantId, digest, limit, ...(workflowId !== undefined && { workflowId }) },
  );
}

export interface DuplicateCount {
  /** Day of log time in UTC, `YYYY-MM-DD`. */
  readonly day: string;
  readonly tool: string;
  /** Alerts of `duplicate_execution` at their current severity. */
  readonly critical: number;
  readonly warning: number;
  readonly info: number;
  readonly duplicates: number;
}

/** Duplicates of a tenant by tool and day of log time, latest day first; `from` and `to` in ms since the epoch, `to` left out. */
export function duplicatesByDay(
  client: ClickHouseClient,
  scope: TenantScope & { readonly from?: number; readonly to?: number },
): Promise<readonly DuplicateCount[]> {
  const { tenantId, from = 0, to = Number.MAX_SAFE_INTEGER } = scope;
  return askTenant<DuplicateCount>(
    client,
    `SELECT toString(toDate(logTime, 'UTC')) AS day, ifNull(tool, '') AS tool, countIf(severity = 'critical') AS critical,
       countIf(severity = 'warning') AS warning, countIf(severity = 'info') AS info, count() AS duplicates
     FROM current_alerts
     WHERE tenantId = {tenantId:String} AND rule = 'duplicate_execution'
       AND toUnixTimestamp64Milli(logTime) >= {from:Int64} AND toUnixTimestamp64Milli(logTime) < {to:Int64}
     GROUP BY day, tool ORDER BY day DESC, duplicates DESC, tool`,
    { tenantId, from, to },
    ['day', 'tool', 'critical', 'warning', 'info', 'duplicates'],
  );
}

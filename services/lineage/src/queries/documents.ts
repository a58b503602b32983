/** Which actions rest on a document, and which documents an action rests on. */
import type { ClickHouseClient } from '@clickhouse/client';
import type { DocumentRef } from '@idemtrace/schemas';
import { askTenant, type TenantScope } from './ask.ts';
import { askExecutions, EXECUTION_SELECT, type ExecutionRow } from './executions.ts';

/**
 * How an action rests on a retrieval: `named` by the agent (`groundedOn`), or `inferred`: the agent named nothing, and the retrieval came
 * earlier in the same run.
 */
export type Grounding = 'named' | 'inferred';

export interface GroundedAction extends ExecutionRow {
  readonly grounding: Grounding;
  /** The retrieval that returned the document; the latest before the action where it is inferred. */
  readonly retrievalId: string;
  readonly dataSource: string;
}

export interface ActionDocument extends DocumentRef {
  readonly grounding: Grounding;
  readonly retrievalId: string;
  readonly dataSource: string;
  readonly stepIndex: number;
  /** Log time of the retrieval, ms since the epoch. */
  readonly logTime: number;
}

/** An action rests on a retrieval of its own workflow; `e` is the execution, `r` the retrieval. A call does not rest on what it returned itself. */
const RESTS_ON = `e.tenantId = r.tenantId AND e.workflowId = r.workflowId AND (r.executionId IS NULL OR r.executionId != e.executionId)
  AND (has(e.groundedOn, toString(r.retrievalId)) OR (empty(e.groundedOn) AND e.runId = r.runId AND r.recordOffset < e.recordOffset))`;

/**
 * Actions (executions of anything but reads) that were grounded on a document, in the order of the log, each with the latest retrieval that it
 * rests on.
 */
export function actionsGroundedOnDocument(
  client: ClickHouseClient,
  scope: TenantScope & { readonly documentId: string; readonly dataSource?: string | undefined; readonly limit?: number },
): Promise<readonly GroundedAction[]> {
  const { tenantId, documentId, dataSource, limit = 1_000 } = scope;
  const retrievals = `SELECT tenantId, workflowId, runId, retrievalId, executionId, dataSource, recordOffset FROM retrieval_events_once
    WHERE tenantId = {tenantId:String} AND has(tupleElement(documents, 'id'), {documentId:String})
      ${dataSource === undefined ? '' : 'AND dataSource = {dataSource:String}'}`;
  const workflows = `SELECT DISTINCT workflowId FROM retrieval_events
    WHERE tenantId = {tenantId:String} AND has(tupleElement(documents, 'id'), {documentId:String})`;
  return askExecutions<Pick<GroundedAction, 'grounding' | 'retrievalId' | 'dataSource'>>(
    client,
    `${selectWith("if(empty(e.groundedOn), 'inferred', 'named') AS grounding, r.retrievalId AS retrievalId, r.dataSource AS dataSource")}
     INNER JOIN (${retrievals}) AS r ON e.workflowId = r.workflowId
     WHERE e.tenantId = {tenantId:String} AND e.workflowId IN (${workflows}) AND e.effectClass != 'read' AND ${RESTS_ON}
     ORDER BY logTime, partition, offset, r.recordOffset DESC LIMIT 1 BY e.executionId LIMIT {limit:UInt32}`,
    { tenantId, documentId, limit, ...(dataSource !== undefined && { dataSource }) },
  );
}

function selectWith(columns: string): string {
  return EXECUTION_SELECT.replace('FROM executions AS e', `, ${columns} FROM executions AS e`);
}

/** Documents that an action rests on, by the order of their retrievals and in each as they were returned. Empty where the action is unknown. */
export function documentsBehindAction(
  client: ClickHouseClient,
  scope: TenantScope & { readonly executionId: string },
): Promise<readonly ActionDocument[]> {
  const workflow = 'SELECT workflowId FROM tool_call_events WHERE tenantId = {tenantId:String} AND executionId = {executionId:UUID}';
  return askTenant<ActionDocument>(
    client,
    `SELECT document.id AS id, document.tenantId AS tenantId, document.score AS score,
       if(empty(e.groundedOn), 'inferred', 'named') AS grounding, r.retrievalId AS retrievalId, r.dataSource AS dataSource,
       r.stepIndex AS stepIndex, toUnixTimestamp64Milli(r.recordTime) AS logTime
     FROM (SELECT * FROM retrieval_events_once WHERE tenantId = {tenantId:String} AND workflowId IN (${workflow})) AS r
     INNER JOIN (
       SELECT * FROM executions
       WHERE tenantId = {tenantId:String} AND workflowId IN (${workflow}) AND executionId = {executionId:UUID}
     ) AS e ON e.workflowId = r.workflowId
     ARRAY JOIN r.documents AS document, arrayEnumerate(r.documents) AS place
     WHERE ${RESTS_ON}
     ORDER BY r.recordOffset, place`,
    { tenantId: scope.tenantId, executionId: scope.executionId },
    ['id', 'tenantId', 'grounding', 'retrievalId'],
  );
}

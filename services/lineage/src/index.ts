export { connectLineage, type LineageAddress } from './client.ts';
export {
  loadMigrations,
  type MigrateOptions,
  type Migration,
  MigrationError,
  type MigrationErrorCode,
  type MigrationVariables,
  migrate,
} from './migrate.ts';
export { type AlertFilter, findAlerts } from './queries/alerts.ts';
export { LineageQueryError, type LineageQueryErrorCode, type TenantScope } from './queries/ask.ts';
export {
  type ActionDocument,
  actionsGroundedOnDocument,
  documentsBehindAction,
  type GroundedAction,
  type Grounding,
} from './queries/documents.ts';
export { type DuplicateCount, duplicatesByDay, type ExecutionRow, executionsOfKey } from './queries/executions.ts';
export {
  type GapFilter,
  type LineageCounts,
  operatorCounts,
  operatorSequenceGaps,
  type SequenceGap,
  sequenceGaps,
} from './queries/sequences.ts';
export { runTimeline, workflowAttempts } from './queries/workflows.ts';
export {
  type BatchLimits,
  createLineageSink,
  type LineageSink,
  type LineageSinkOptions,
  type SinkLogger,
  type SinkStatus,
} from './sink/sink.ts';
export type * from './view.ts';
export { buildWorkflowView, type EventRecord, type WorkflowScope } from './workflow-view.ts';

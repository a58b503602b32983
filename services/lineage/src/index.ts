export { type AccessOptions, accessNames, accessStatements, hashPassword, type PasswordHash, type ReadLimits } from './access.ts';
export { checkLineage, type LineageCheck, type LineageCheckOptions, type LineageFinding } from './check.ts';
export { connectLineage, type LineageAddress, type LineageTls } from './client.ts';
export type { LineageCluster } from './deployment.ts';
export { deletionStatement, type ErasedTable, eraseTenant, type LetterContent, type LineageErasure, workflowsOfTenant } from './erase.ts';
export {
  createDatabase,
  loadMigrations,
  type MigrateOptions,
  type Migration,
  MigrationError,
  type MigrationErrorCode,
  migrate,
  migrationStatements,
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
  type OperatorSequenceGap,
  operatorCounts,
  operatorSequenceGaps,
  type SequenceGap,
  sequenceGaps,
} from './queries/sequences.ts';
export { runTimeline, workflowAttempts } from './queries/workflows.ts';
export { type AgingTable, applyRetention, type RetentionChange, type RetentionDays, retentionOf } from './retention.ts';
export { type ProcessKind, SAMPLE_METRICS, type SampleMetric, type SampleMetricName } from './samples/metrics.ts';
export {
  createSampleWriter,
  type Sample,
  type SampleWriter,
  type SampleWriterOptions,
  type SampleWriterStatus,
} from './samples/sample-writer.ts';
export { slowestCommit } from './samples/slowest-commit.ts';
export {
  type BatchLimits,
  createLineageSink,
  type LineageSink,
  type LineageSinkOptions,
  type SinkLogger,
  type SinkStatus,
} from './sink/sink.ts';
export { quoteName, quoteText, SqlTextError } from './sql.ts';
export type * from './view.ts';
export { buildWorkflowView, type EventRecord, type WorkflowScope } from './workflow-view.ts';

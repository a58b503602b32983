export type { ExecutionView, RetrievalView, RunView, WorkflowView } from '@idemtrace/lineage';

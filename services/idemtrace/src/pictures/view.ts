export type { ExecutionView, RetrievalView, RunView, WorkflowView } from '../../../lineage/src/view.ts';

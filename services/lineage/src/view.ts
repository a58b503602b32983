/** A workflow as a person looks at it: its attempts side by side, each with its executions and retrievals, and the alerts about them. */
import type {
  Alert,
  ArgumentDigest,
  DisclosedField,
  DocumentRef,
  EffectClass,
  EffectKey,
  KeyedDigest,
  RunStatus,
  ToolPhase,
} from '@idemtrace/schemas';

/** Where a record stands in the log, and when the log appended it. */
export interface Positioned<T> {
  readonly partition: number;
  readonly offset: number;
  /** ms since the epoch. */
  readonly logTime: number;
  readonly value: T;
}

export interface ExecutionView {
  readonly executionId: string;
  readonly runId: string;
  readonly stepIndex: number;
  readonly toolCallId: string | null;
  readonly tool: string;
  readonly effectName: string;
  readonly effectClass: EffectClass;
  readonly inputHashes: readonly KeyedDigest[];
  readonly effectKey: EffectKey | null;
  /** Latest phase seen: `started` where the outcome is still missing. */
  readonly outcome: ToolPhase;
  /** Offset of the first seen phase. */
  readonly offset: number;
  /** Log time of the first seen phase, ms since the epoch. */
  readonly logTime: number;
  /** Agent's clock at the first seen phase, ms since the epoch. */
  readonly occurredAt: number;
  readonly durationMs: number | null;
  /** Which key the argument digests are under: those under another are not comparable. */
  readonly leafHashKeyId: string | null;
  readonly argumentDigests: readonly ArgumentDigest[];
  readonly argumentDigestsOmitted: number;
  readonly groundedOn: readonly string[];
  readonly disclosed: readonly DisclosedField[];
}

export interface RetrievalView {
  readonly retrievalId: string;
  readonly runId: string;
  readonly stepIndex: number;
  readonly executionId: string | null;
  readonly dataSource: string;
  readonly documents: readonly DocumentRef[];
  readonly offset: number;
  readonly logTime: number;
  readonly occurredAt: number;
}

export interface RunView {
  readonly runId: string;
  readonly attempt: number;
  readonly parentRunId: string | null;
  readonly agentId: string | null;
  readonly agentVersion: string | null;
  /** How it ended: `unspecified` where it did not say; null while it goes on, or where the agent died without a word. */
  readonly status: RunStatus | null;
  readonly suspended: boolean;
  /** By step, then by position. */
  readonly executions: readonly ExecutionView[];
  readonly retrievals: readonly RetrievalView[];
}

export interface WorkflowView {
  readonly tenantId: string;
  readonly workflowId: string;
  /** By attempt, then by position of their first event. */
  readonly runs: readonly RunView[];
  /** Current revision of each alert, by the position of what triggered it. */
  readonly alerts: readonly Alert[];
}

/** What the event builder is told, and what it makes of a call. */
import type { ToolCallEvent } from '@idemtrace/schemas';
import type { DeclaredEffectClass } from '@idemtrace/schemas/policy';
import type { ToolAnnotations } from './effect-class.ts';

/** Identity of the business effect: its id, or with the effect's name and the scope within which a second one is a repeat. */
export type EffectKey = string | { readonly effect?: string; readonly id: string; readonly scope?: 'workflow' | 'tenant' };

export interface DocumentRef {
  readonly id: string;
  readonly tenantId?: string | null | undefined;
  readonly score?: number | null | undefined;
}

export interface RunIdentity {
  readonly tenantId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly attempt: number;
  readonly parentRunId?: string | undefined;
  readonly conversationId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly agentVersion?: string | undefined;
  /** How often the run has been resumed, default 0. */
  readonly incarnation?: number | undefined;
}

export interface CallDescription {
  readonly tool: string;
  readonly input: unknown;
  /** What is hashed in the input's place, or why nothing is. */
  readonly hashed?: { readonly value: unknown } | { readonly unhashable: string } | undefined;
  readonly stepIndex: number;
  readonly executionId: string;
  readonly toolCallId?: string | undefined;
  /** The execution inside which this one ran. */
  readonly parentExecutionId?: string | undefined;
  readonly effect?: DeclaredEffectClass | undefined;
  readonly annotations?: ToolAnnotations | undefined;
  readonly effectKey?: EffectKey | undefined;
  readonly occurrence?: string | undefined;
  readonly approvalId?: string | undefined;
  readonly groundedOn?: readonly string[] | undefined;
  readonly poll?: { readonly max: number; readonly minIntervalMs?: number | undefined } | undefined;
  readonly deadlineMs?: number | undefined;
  /** Downstream honours the idempotency key: its digest travels in the events. */
  readonly repeatable?: boolean | undefined;
}

/** One execution, resolved: both of its events are made of it. */
export interface PreparedCall {
  /** The same in every run; undefined where the input has no hash and no effect key is declared. */
  readonly idempotencyKey: () => string | undefined;
  /** What both phases say. */
  readonly event: Omit<
    ToolCallEvent,
    'effectClass' | 'phase' | 'resultHashes' | 'durationMs' | 'occurredAt' | 'emitterId' | 'sequence' | 'policyVersion' | 'traceId'
  > & { readonly effectClass: DeclaredEffectClass };
  readonly resultPaths: readonly string[] | undefined;
}

export interface RetrievalDescription {
  readonly retrievalId: string;
  readonly stepIndex: number;
  readonly executionId?: string | undefined;
  readonly toolCallId?: string | undefined;
  readonly dataSource: string;
  readonly query: unknown;
  readonly documents: readonly DocumentRef[];
  readonly durationMs?: number | undefined;
}

/** When something happened: the agent's clock, ms since the epoch. */
export interface Moment {
  readonly occurredAt: number;
}

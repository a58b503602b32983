import type { RunIdentity } from './descriptions.ts';
import { IdemtraceError, requireWhole } from './errors.ts';
import { isId } from './event-id.ts';

/** Which run of which workflow. */
export interface RunScope {
  readonly tenantId: string;
  /** The request that is retried until done, never the chat thread. */
  readonly workflowId: string;
  /** Default: a new UUID. */
  readonly runId?: string | undefined;
  /** Which try at the workflow, from 1; default 1. */
  readonly attempt?: number | undefined;
  readonly agentId?: string | undefined;
  readonly agentVersion?: string | undefined;
  /** Default within a run: that run. */
  readonly parentRunId?: string | undefined;
  readonly conversationId?: string | undefined;
  /** How often the run has been resumed after it was suspended; default 0. */
  readonly incarnation?: number | undefined;
  /** Compact JWS that says for which tenant, workflow and run the agent may speak. */
  readonly token?: string | undefined;
}

/** A run inside a run has its tenant, and unless it names another its workflow. */
export type SubRunScope = Omit<RunScope, 'tenantId' | 'workflowId'> & Partial<Pick<RunScope, 'tenantId' | 'workflowId'>>;

/** Throws IdemtraceError: `tenant_mismatch`, or `invalid_scope` naming the field. */
export function resolveScope(
  scope: RunScope | SubRunScope,
  parent: RunIdentity | undefined,
  defaults: { readonly agentId?: string | undefined; readonly newId: () => string },
): RunIdentity {
  if (parent !== undefined && scope.tenantId !== undefined && scope.tenantId !== parent.tenantId) {
    throw new IdemtraceError('tenant_mismatch', 'a run inside a run has its tenant');
  }
  return {
    tenantId: required('tenantId', scope.tenantId ?? parent?.tenantId),
    workflowId: required('workflowId', scope.workflowId ?? parent?.workflowId),
    runId: required('runId', scope.runId ?? defaults.newId()),
    attempt: requireWhole('invalid_scope', 'attempt', scope.attempt ?? 1, 1),
    parentRunId: optional('parentRunId', scope.parentRunId ?? parent?.runId),
    conversationId: optional('conversationId', scope.conversationId ?? parent?.conversationId),
    agentId: optional('agentId', scope.agentId ?? defaults.agentId),
    agentVersion: optional('agentVersion', scope.agentVersion),
    incarnation: requireWhole('invalid_scope', 'incarnation', scope.incarnation ?? 0, 0),
  };
}

function required(field: string, value: unknown): string {
  if (!isId(value)) {
    throw new IdemtraceError('invalid_scope', `${field} has 1 to 512 characters, none a control character`);
  }
  return value;
}

function optional(field: string, value: unknown): string | undefined {
  return value === undefined ? undefined : required(field, value);
}

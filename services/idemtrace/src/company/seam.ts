/** Where something may stand between an agent and its tools: a ledger, a guard. Without one, every call goes straight through. */
import type { JsonObject } from './json.ts';

/** Whose call it is. */
export interface CallContext {
  readonly tenantId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly attempt: number;
  readonly agentId: string;
  readonly stepIndex: number;
  readonly toolCallId: string;
  readonly occurrence?: string;
  readonly approvalId?: string;
  readonly groundedOn?: readonly string[];
}

/**
 * Stands around a call. `execute` performs it once, physically: it resolves with the tool's answer, throws `Refused` where surely nothing
 * happened, and `AnswerLost` where nobody can know. A seam that does not execute answers in the tool's place.
 */
export type Seam = <I extends JsonObject, O>(tool: string, input: I, execute: (input: I) => Promise<O>, context: CallContext) => Promise<O>;

export const straightThrough: Seam = (_tool, input, execute) => execute(input);

/** The call timed out: its request or its reply was lost on the way. */
export class AnswerLost extends Error {
  override readonly name = 'AnswerLost';
}

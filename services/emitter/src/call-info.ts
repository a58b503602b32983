import { memberOf } from './member.ts';

/** What a framework knows of a call beside its input. */
export interface CallInfo {
  readonly toolCallId?: string | undefined;
  /** Ids of the retrievals that the call rests on. */
  readonly groundedOn?: readonly string[] | undefined;
  /** The approval by a person that lets a second effect happen. */
  readonly approvalId?: string | undefined;
}

/**
 * Finds the tool call's id in what frameworks pass beside the input. Arguments are those of the tool, the input first.
 * - AI SDK: `(input, { toolCallId })`; LangChain: `(input, { toolCall: { id } })` or a runtime with `toolCallId`
 * - Mastra: `(input, { agent: { toolCallId } })`, before 1.0 `(context, { toolCallId })`
 * - OpenAI Agents: `(input, runContext, { toolCall: { callId } })`
 */
export function frameworkCallInfo(...args: readonly unknown[]): CallInfo {
  const toolCallId =
    textAt(args[1], 'toolCallId') ??
    textAt(memberOf(args[1], 'toolCall'), 'id') ??
    textAt(memberOf(args[1], 'agent'), 'toolCallId') ??
    textAt(memberOf(args[2], 'toolCall'), 'callId');
  return toolCallId === undefined ? {} : { toolCallId };
}

function textAt(value: unknown, name: string): string | undefined {
  const text = memberOf(value, name);
  return typeof text === 'string' && text !== '' ? text : undefined;
}

import { hash } from 'node:crypto';
import type { RetrievalEvent, RunEvent, ToolCallEvent } from '@idemtrace/schemas';
import type { JudgedEvent } from './domain/fact.ts';

/**
 * Digest of an event's content, a whole number of 48 bits: the same identity with another content is no redelivery but a conflict. A number,
 * because one is kept for every event of the window, and a string would take six times the memory.
 */
export function contentDigest(event: JudgedEvent): number {
  return Number.parseInt(hash('sha256', JSON.stringify(contentOf(event)), 'hex').slice(0, DIGITS), 16);
}

/** Hexadecimal digits: six bytes, which a number holds exactly. */
const DIGITS = 12;

function contentOf(event: JudgedEvent): readonly unknown[] {
  switch (event.name) {
    case 'ToolCallEvent':
      return CALL_CONTENT.map((field) => event.value[field]);
    case 'RetrievalEvent':
      return RETRIEVAL_CONTENT.map((field) => event.value[field]);
    case 'RunEvent':
      return RUN_CONTENT.map((field) => event.value[field]);
  }
}

/** What two deliveries of an event may differ in: who sent it, when, and under which policy. */
type Delivery = 'emitterId' | 'sequence' | 'occurredAt' | 'policyVersion' | 'traceId' | 'durationMs';
/** What follows from the hashes that are content. */
type Derived = 'leafHashKeyId' | 'argumentDigests' | 'argumentDigestsOmitted' | 'disclosed' | 'executionCount';
type Content<E> = Exclude<keyof E, Delivery | Derived>;

function fieldsOf<E>(fields: Record<Content<E>, true>): readonly Content<E>[] {
  return Object.keys(fields) as Content<E>[];
}

const RUN = {
  tenantId: true,
  workflowId: true,
  runId: true,
  attempt: true,
  parentRunId: true,
  conversationId: true,
  agentId: true,
  agentVersion: true,
} as const;

const RUN_CONTENT = fieldsOf<RunEvent>({ ...RUN, incarnation: true, phase: true, status: true });

const CALL_CONTENT = fieldsOf<ToolCallEvent>({
  ...RUN,
  stepIndex: true,
  toolCallId: true,
  executionId: true,
  parentExecutionId: true,
  phase: true,
  tool: true,
  effectName: true,
  effectClass: true,
  effectClassSource: true,
  inputHashes: true,
  unhashable: true,
  effectKey: true,
  occurrences: true,
  approvals: true,
  downstreamKeys: true,
  precedingCalls: true,
  resultHashes: true,
  groundedOn: true,
  poll: true,
  deadlineMs: true,
  ledger: true,
});

const RETRIEVAL_CONTENT = fieldsOf<RetrievalEvent>({
  ...RUN,
  stepIndex: true,
  retrievalId: true,
  executionId: true,
  toolCallId: true,
  dataSource: true,
  queryHashes: true,
  documents: true,
  documentsOmitted: true,
});

/**
 * Facts: what the detector remembers of one record. A fact is a function of its record, position and log time alone (W1), so that writing it
 * twice, late or in another order leaves the same set.
 */
import type {
  DocumentRef,
  EffectClass,
  EffectClassSource,
  KeyedDigest,
  RetrievalEvent,
  RunEvent,
  RunPhase,
  ToolCallEvent,
  ToolPhase,
} from '@idemtrace/schemas';

/** Version of the facts' form. Windows that hold another one are rebuilt from the log. */
export const FACT_VERSION = 1;

/** A valid event at its position, as the loop hands it to the domain. */
export interface PositionedEvent<E extends JudgedEvent = JudgedEvent> {
  readonly event: E;
  readonly partition: number;
  readonly offset: number;
  /** ms since the epoch, the log's clock. */
  readonly logTime: number;
  /** Digest of the event without what may differ between two deliveries of it. */
  readonly contentDigest: number;
}

/** Events that are judged. */
export type JudgedEvent =
  | { readonly name: 'ToolCallEvent'; readonly value: ToolCallEvent }
  | { readonly name: 'RetrievalEvent'; readonly value: RetrievalEvent }
  | { readonly name: 'RunEvent'; readonly value: RunEvent };

interface FactBase {
  /** Identity of the event within its workflow: the same for every delivery of it. */
  readonly id: string;
  readonly offset: number;
  readonly logTime: number;
  readonly contentDigest: number;
}

/**
 * What every phase of an execution says of it alike. Digests are `hashKeyId:digest`: one or, while a key is being rotated, two; none where
 * nothing is said. `compareDigests` tells what two lists of them come to.
 */
export interface CallFact {
  readonly executionId: string;
  readonly runId: string;
  readonly attempt: number;
  readonly parentRunId: string | null;
  readonly agentId: string | null;
  readonly stepIndex: number;
  readonly toolCallId: string | null;
  readonly tool: string;
  readonly effectName: string;
  readonly effectClass: EffectClass;
  readonly effectClassSource: EffectClassSource;
  /** None: never judged a repeat. */
  readonly inputs: readonly string[];
  readonly effectKeys: readonly string[];
  readonly occurrences: readonly string[];
  readonly approvals: readonly string[];
  readonly downstreamKeys: readonly string[];
  readonly precedingCalls: readonly string[];
  readonly deadlineMs: number | null;
}

/** One phase of one execution. */
export interface PhaseFact extends FactBase {
  readonly kind: 'phase';
  readonly phase: ToolPhase;
  readonly results: readonly string[];
  readonly call: CallFact;
}

/** A retrieval. */
export interface RetrievalFact extends FactBase {
  readonly kind: 'retrieval';
  readonly dataSource: string;
}

/** A run's start, suspension or end. */
export interface RunFact extends FactBase {
  readonly kind: 'run';
  readonly runId: string;
  readonly phase: RunPhase;
}

export type Fact = PhaseFact | RetrievalFact | RunFact;

/** Identity of an event within its tenant and workflow. */
export function identityOf(event: JudgedEvent): string {
  switch (event.name) {
    case 'ToolCallEvent':
      return `${event.value.executionId}/${event.value.phase}`;
    case 'RetrievalEvent':
      return `${event.value.retrievalId}/retrieval`;
    case 'RunEvent':
      return `${event.value.incarnation}/${event.value.phase}/${event.value.runId}`;
  }
}

/** Identities that events of an execution may have. */
export function phaseIdentities(executionId: string): readonly string[] {
  return PHASES.map((phase) => `${executionId}/${phase}`);
}

const PHASES = Object.keys({
  unspecified: true,
  started: true,
  succeeded: true,
  failed: true,
  unknown: true,
  replayed: true,
  compensated: true,
} satisfies Record<ToolPhase, true>);

/** The fact of an event. */
export function factOf({ event, offset, logTime, contentDigest }: PositionedEvent): Fact {
  const id = identityOf(event);
  switch (event.name) {
    case 'ToolCallEvent': {
      const { phase, resultHashes } = event.value;
      return { kind: 'phase', id, offset, logTime, contentDigest, phase, results: allKeyed(resultHashes), call: callFactOf(event.value) };
    }
    case 'RetrievalEvent':
      return { kind: 'retrieval', id, offset, logTime, contentDigest, dataSource: event.value.dataSource };
    case 'RunEvent':
      return { kind: 'run', id, offset, logTime, contentDigest, runId: event.value.runId, phase: event.value.phase };
  }
}

/** Most lists of a call are empty, and a window holds many calls: they share one. */
const NONE: readonly string[] = Object.freeze([]);

function allKeyed(pairs: readonly KeyedDigest[]): readonly string[] {
  return pairs.length === 0 ? NONE : pairs.map(keyed);
}

function callFactOf(call: ToolCallEvent): CallFact {
  return {
    executionId: call.executionId,
    runId: call.runId,
    attempt: call.attempt,
    parentRunId: call.parentRunId,
    agentId: call.agentId,
    stepIndex: call.stepIndex,
    toolCallId: call.toolCallId,
    tool: call.tool,
    effectName: call.effectName,
    effectClass: call.effectClass,
    effectClassSource: call.effectClassSource,
    inputs: allKeyed(call.inputHashes),
    effectKeys: call.effectKey === null ? NONE : allKeyed(call.effectKey.digests),
    occurrences: allKeyed(call.occurrences),
    approvals: allKeyed(call.approvals),
    downstreamKeys: allKeyed(call.downstreamKeys),
    precedingCalls: allKeyed(call.precedingCalls),
    deadlineMs: call.deadlineMs,
  };
}

/** The two say the same, field by field. */
export function isSameCall(a: CallFact, b: CallFact): boolean {
  return CALL_FIELDS.every((field) => isSameValue(a[field], b[field]));
}

const CALL_FIELDS = Object.keys({
  executionId: true,
  runId: true,
  attempt: true,
  parentRunId: true,
  agentId: true,
  stepIndex: true,
  toolCallId: true,
  tool: true,
  effectName: true,
  effectClass: true,
  effectClassSource: true,
  inputs: true,
  effectKeys: true,
  occurrences: true,
  approvals: true,
  downstreamKeys: true,
  precedingCalls: true,
  deadlineMs: true,
} satisfies Record<keyof CallFact, true>) as readonly (keyof CallFact)[];

function isSameValue(a: CallFact[keyof CallFact], b: CallFact[keyof CallFact]): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  return a.length === b.length && a.every((each, index) => each === b[index]);
}

export function keyed(pair: KeyedDigest): string {
  return `${pair.hashKeyId}:${pair.digest}`;
}

/** Keys of the histories within a workflow. A fact is kept in, and a verdict reads, the histories of these names. */
export const historyKey = {
  /** Executions of one effect with one input. */
  input: (effectName: string, input: string) => `input/${effectName}/${input}`,
  /** Executions of one effect with one effect key. */
  effect: (effectName: string, effectKey: string) => `effect/${effectName}/${effectKey}`,
  /** Successes of one run. */
  successes: (runId: string) => `successes/${runId}`,
  /** Executions of a tool whose class is inferred. */
  unclassified: (tool: string, policyVersion: string) => `unclassified/${policyVersion}/${tool}`,
  /** Retrievals that returned documents without a tenant. */
  untagged: (dataSource: string) => `untagged/${dataSource}`,
};

/**
 * What a history is asked: which executions there were; what last succeeded; or whether there is an earlier fact at all.
 */
export type HistoryKind = 'executions' | 'successes' | 'existence';

export function historyKindOf(key: string): HistoryKind {
  if (key.startsWith('successes/')) return 'successes';
  return key.startsWith('unclassified/') || key.startsWith('untagged/') ? 'existence' : 'executions';
}

/** The histories that an event's fact belongs to: the same ones that its verdicts read. */
export function historiesOf(event: JudgedEvent): readonly string[] {
  switch (event.name) {
    case 'ToolCallEvent': {
      const call = event.value;
      const keys = call.inputHashes.map((hash) => historyKey.input(call.effectName, keyed(hash)));
      for (const digest of call.effectKey?.digests ?? []) keys.push(historyKey.effect(call.effectName, keyed(digest)));
      if (call.phase === 'succeeded') keys.push(historyKey.successes(call.runId));
      if (isUnclassified(call)) keys.push(historyKey.unclassified(call.tool, call.policyVersion ?? ''));
      return keys;
    }
    case 'RetrievalEvent':
      return event.value.documents.some(isUntagged) ? [historyKey.untagged(event.value.dataSource)] : [];
    case 'RunEvent':
      return [];
  }
}

export function isUnclassified(call: ToolCallEvent): boolean {
  return call.effectClassSource === 'inferred' || call.effectClassSource === 'unspecified';
}

export function isUntagged(document: DocumentRef): boolean {
  return document.tenantId === null;
}

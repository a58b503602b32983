/** Stories for tests: events of one tenant's workflow in the order of the log, judged one by one or in batches, with nothing but the domain. */
import { hash } from 'node:crypto';
import {
  type CompiledPolicy,
  type DocumentRef,
  EMPTY_POLICY,
  PolicyLookup,
  type RetrievalEvent,
  type RunEvent,
  type ToolCallEvent,
} from '@idemtrace/schemas';
import { contentDigest } from '../src/content-digest.ts';
import { factOf, historiesOf, type JudgedEvent, type PositionedEvent } from '../src/domain/fact.ts';
import type { Finding } from '../src/domain/finding.ts';
import { judge } from '../src/domain/judge.ts';
import { MemoryWindows } from '../src/windows/memory/memory-windows.ts';

const WINDOW_MS = 86_400_000;
const START = 1_760_000_000_000;

export interface CallOptions {
  run?: string;
  attempt?: number;
  parentRun?: string;
  step?: number;
  execution: string;
  tool?: string;
  effect?: ToolCallEvent['effectClass'];
  source?: ToolCallEvent['effectClassSource'];
  input?: string | null;
  /** Keys under which the call is digested. */
  hashKeyIds?: readonly string[];
  /** Keys under which all but its input and effect key is digested, where an emitter says less of it than it should. */
  saidUnder?: readonly string[];
  key?: string;
  toolCallId?: string;
  occurrence?: string;
  approval?: string;
  downstreamKey?: string;
  precedingCalls?: string;
  result?: string | null;
  poll?: number;
}

const digest = (text: string) => hash('sha256', text, 'base64url');
const uuid = (name: string) => {
  const hex = hash('sha256', name, 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

function common(run: string, attempt: number, parentRun: string | undefined) {
  return {
    tenantId: 'acme',
    workflowId: 'invoice-run',
    runId: run,
    attempt,
    parentRunId: parentRun ?? null,
    conversationId: null,
    agentId: 'agent',
    agentVersion: null,
    occurredAt: START,
    emitterId: uuid('emitter'),
    sequence: 0,
    policyVersion: null,
    traceId: null,
  };
}

export function call(phase: ToolCallEvent['phase'], options: CallOptions): JudgedEvent {
  const {
    run = 'run-1',
    attempt = Number(run.split('-').at(-1)) || 1,
    tool = 'charge',
    input = 'invoice 7',
    hashKeyIds = ['k1'],
  } = options;
  const keyed = (text: string, ids = hashKeyIds) => ids.map((hashKeyId) => ({ hashKeyId, digest: digest(`${hashKeyId}${text}`) }));
  const said = (text: string | undefined) => (text === undefined ? [] : keyed(text, options.saidUnder));
  const isSettled = phase !== 'started';
  return {
    name: 'ToolCallEvent',
    value: {
      ...common(run, attempt, options.parentRun),
      stepIndex: options.step ?? 0,
      toolCallId: options.toolCallId ?? null,
      executionId: uuid(options.execution),
      parentExecutionId: null,
      phase,
      tool,
      effectName: tool,
      effectClass: options.effect ?? 'write',
      effectClassSource: options.source ?? 'policy',
      inputHashes: input === null ? [] : keyed(input),
      unhashable: input === null ? 'not_plain_json' : null,
      effectKey: options.key === undefined ? null : { digests: keyed(options.key), scope: 'workflow', source: 'declared' },
      occurrences: said(options.occurrence),
      approvals: said(options.approval),
      downstreamKeys: said(options.downstreamKey),
      executionCount: 1,
      precedingCalls: said(options.precedingCalls),
      leafHashKeyId: null,
      argumentDigests: [],
      argumentDigestsOmitted: 0,
      resultHashes: isSettled && options.result !== null && phase === 'succeeded' ? said(options.result ?? 'ok') : [],
      groundedOn: [],
      poll: options.poll === undefined ? null : { max: options.poll, minIntervalMs: null },
      deadlineMs: null,
      durationMs: isSettled ? 5 : null,
      ledger: null,
      disclosed: [],
    },
  };
}

export function retrieval(
  name: string,
  documents: readonly (readonly [id: string, tenantId: string | null])[],
  options: { run?: string; dataSource?: string } = {},
): JudgedEvent {
  const refs: readonly DocumentRef[] = documents.map(([id, tenantId]) => ({ id, tenantId, score: null }));
  const value: RetrievalEvent = {
    ...common(options.run ?? 'run-1', 1, undefined),
    stepIndex: 0,
    retrievalId: uuid(name),
    executionId: null,
    toolCallId: null,
    dataSource: options.dataSource ?? 'kb',
    queryHashes: [],
    documents: refs,
    documentsOmitted: 0,
    durationMs: null,
    disclosed: [],
  };
  return { name: 'RetrievalEvent', value };
}

export function runEvent(run: string, phase: RunEvent['phase']): JudgedEvent {
  return {
    name: 'RunEvent',
    value: { ...common(run, 1, undefined), incarnation: 0, phase, status: phase === 'ended' ? 'succeeded' : null },
  };
}

/** A finding with the offset of the event that it was found at. */
export interface Found {
  readonly at: number;
  readonly finding: Finding;
}

export interface TellOptions {
  policy?: Partial<CompiledPolicy>;
  /** How many records are written to the windows before they are judged. */
  batch?: number;
  /** Milliseconds between two records, or the log time of each. */
  everyMs?: number;
  at?: readonly number[];
  windowMs?: number;
}

/** Judges a story and answers every finding, in order. */
export async function tell(events: readonly JudgedEvent[], options: TellOptions = {}): Promise<readonly Found[]> {
  const { batch = 1, everyMs = 1000, windowMs = WINDOW_MS } = options;
  const policy = new PolicyLookup({ ...EMPTY_POLICY, ...options.policy });
  const windows = new MemoryWindows({ windowMs });
  await windows.begin(0, { windowId: 'w', lo: 0, committed: 0, completeFrom: 0 });
  const positioned = events.map((event, offset): PositionedEvent => {
    const logTime = START + (options.at?.[offset] ?? offset * everyMs);
    return { event, partition: 0, offset, logTime, contentDigest: contentDigest(event) };
  });
  const found: Found[] = [];
  for (let from = 0; from < positioned.length; from += batch) {
    const slice = positioned.slice(from, from + batch);
    const facts = slice.map((each) => ({ workflow: 'acme/invoice-run', histories: historiesOf(each.event), fact: factOf(each) }));
    const applied = await windows.apply({ partition: 0, windowId: 'w', from, to: from + slice.length, committed: from, facts });
    if (applied.status === 'lost') throw new Error('lost');
    for (const each of slice) {
      const held = applied.view.fact('acme/invoice-run', factOf(each).id);
      if (held !== undefined && held.offset < each.offset) continue;
      const lookup = { history: (key: string) => applied.view.history('acme/invoice-run', key) };
      for (const finding of judge({ positioned: each, facts: lookup, policy, windowMs })) found.push({ at: each.offset, finding });
    }
  }
  return found;
}

/** `offset rule severity cause`, the short form that tests compare. */
export function short(found: readonly Found[]): readonly string[] {
  return found.map(({ at, finding }) => [at, finding.rule, finding.severity, finding.cause].filter((part) => part !== null).join(' '));
}

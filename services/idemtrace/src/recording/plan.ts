/**
 * From a recording's lines to the moments that its agents' emitters would have told, in their order. Pure and deterministic: the same lines
 * make the same moments with the same ids and numbers.
 *
 * The rules:
 * - A run starts at its first line. It ends where the next run of its workflow starts, or at the workflow's last line. A run that has lines
 *   after that (runs side by side, a sub-agent's parent) goes on until its own last line and ends where the next run after it starts. No
 *   run ends before its calls have settled, and none ends twice.
 * - A call starts at `occurredAt` and settles `durationMs` later, between the lines of its workflow that start by then and those that
 *   start after. Without times it settles before the next line of its workflow that is not its own retrieval.
 * - A retrieval of a call comes before the call's outcome if the times allow it, else where its line stands.
 * - The file's order is kept within a workflow: a time that goes backwards moves nothing.
 *
 * What is held in memory: of each workflow with lines to come its open runs and unsettled calls.
 */
import { derivedUuid, emitterIdOf, retrievalUuid } from './identity.ts';
import type { FileDigest } from './read.ts';
import { type RecordingSurvey, runKey, workflowKey } from './survey.ts';
import { type NumberedLine, type RecordedRetrieval, type RecordedToolCall, timeOf } from './types.ts';

/** Whose moment it is. Agent and conversation are those of the run's first line. */
export interface PlannedRun {
  readonly tenantId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly attempt: number;
  readonly agentId: string | null;
  readonly conversationId: string | null;
}

export type Moment = {
  readonly run: PlannedRun;
  /** Line that tells it: a run's first, a run's last, or the call's or retrieval's own. */
  readonly line: number;
  /** Agent's clock, ms since the epoch; null where no line of the workflow has told a time yet. */
  readonly at: number | null;
  readonly emitterId: string;
  /** Number of the moment within its emitter, from 0, without gaps. */
  readonly sequence: number;
} & (
  | { readonly kind: 'run_started' }
  /** A recording does not say how a run ended. */
  | { readonly kind: 'run_ended' }
  | { readonly kind: 'call_started'; readonly call: RecordedToolCall; readonly executionId: string }
  | { readonly kind: 'call_settled'; readonly call: RecordedToolCall; readonly executionId: string }
  | {
      readonly kind: 'retrieval';
      readonly retrieval: RecordedRetrieval;
      readonly retrievalId: string;
      /** The execution that retrieved, where the line or its tool call id names one. */
      readonly executionId: string | null;
    }
);

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
type Unnumbered = DistributiveOmit<Moment, 'emitterId' | 'sequence'>;

/** Calls of a run that a later retrieval can name: enough for any fan-out, and a bound on what is remembered. */
const CALLS_REMEMBERED = 256;

interface OpenRun {
  readonly run: PlannedRun;
  readonly executionOfCall: Map<string, string>;
  unsettled: number;
  /** The next run has started: it ends as soon as its calls have settled. */
  ending: boolean;
  lastLine: number;
  lastAt: number | null;
}

interface PendingCall {
  readonly line: number;
  readonly call: RecordedToolCall;
  readonly executionId: string;
  readonly settlesAt: number | null;
  readonly open: OpenRun;
}

interface OpenWorkflow {
  readonly runs: Map<string, OpenRun>;
  pending: PendingCall[];
  clock: number | null;
}

export interface PlanSource {
  readonly digest: FileDigest;
  readonly survey: RecordingSurvey;
}

/** Takes a recording's lines in their order, answers the moments that each one makes due. */
export class Planner {
  readonly #source: PlanSource;
  readonly #workflows = new Map<string, OpenWorkflow>();
  readonly #emitters = new Map<string, { readonly emitterId: string; sequence: number }>();

  constructor(source: PlanSource) {
    this.#source = source;
  }

  add({ number, value }: NumberedLine): readonly Moment[] {
    const moments: Unnumbered[] = [];
    const key = workflowKey(value);
    const workflow: OpenWorkflow = this.#workflows.get(key) ?? { runs: new Map(), pending: [], clock: null };
    this.#workflows.set(key, workflow);

    const told = value.occurredAt === undefined ? undefined : timeOf(value.occurredAt);
    const at = told ?? workflow.clock;
    if (at !== null) workflow.clock = Math.max(at, workflow.clock ?? at);

    const known = workflow.runs.get(value.runId);
    const ofCall = value.kind === 'retrieval' && value.toolCallId !== undefined ? known?.executionOfCall.get(callKey(value)) : undefined;
    settle(workflow, (pending) => isDue(pending, workflow.clock, pending.executionId === ofCall), moments);

    const open = known ?? this.#start(workflow, { number, value }, at, moments);
    open.lastLine = number;
    open.lastAt = at;
    if (value.kind === 'tool_call') {
      const executionId = value.executionId?.toLowerCase() ?? derivedUuid(this.#source.digest, number, 'execution');
      const call = grounded(value, this.#source.digest);
      moments.push({ kind: 'call_started', run: open.run, line: number, at, call, executionId });
      const settlesAt = at === null ? null : Math.round(at + (value.durationMs ?? 0));
      workflow.pending.push({ line: number, call, executionId, settlesAt, open });
      open.unsettled += 1;
      remember(open.executionOfCall, callKey(value), executionId);
    } else {
      const { digest } = this.#source;
      const named = value.retrievalId;
      const retrievalId = named === undefined ? derivedUuid(digest, number, 'retrieval') : retrievalUuid(digest, value, named);
      const executionId = value.executionId?.toLowerCase() ?? ofCall ?? null;
      moments.push({ kind: 'retrieval', run: open.run, line: number, at, retrieval: value, retrievalId, executionId });
    }

    if (this.#source.survey.lastLineOfWorkflow.get(key) === number) {
      settle(workflow, () => true, moments);
      for (const run of workflow.runs.values()) end(workflow, run, moments);
      this.#workflows.delete(key);
    }
    return moments.map((moment) => this.#number(moment));
  }

  #start(workflow: OpenWorkflow, { number, value }: NumberedLine, at: number | null, moments: Unnumbered[]): OpenRun {
    for (const earlier of workflow.runs.values()) {
      const last = this.#source.survey.lastLineOfResumedRun.get(runKey(earlier.run));
      if (last !== undefined && last > number) continue;
      earlier.ending = true;
      if (earlier.unsettled === 0) end(workflow, earlier, moments);
    }
    const { tenantId, workflowId, runId, attempt, agentId = null, conversationId = null } = value;
    const run = { tenantId, workflowId, runId, attempt, agentId, conversationId };
    const open = { run, executionOfCall: new Map(), unsettled: 0, ending: false, lastLine: number, lastAt: at };
    workflow.runs.set(runId, open);
    moments.push({ kind: 'run_started', run, line: number, at });
    return open;
  }

  #number(moment: Unnumbered): Moment {
    const { tenantId } = moment.run;
    let emitter = this.#emitters.get(tenantId);
    if (emitter === undefined) {
      emitter = { emitterId: emitterIdOf(this.#source.digest, tenantId), sequence: 0 };
      this.#emitters.set(tenantId, emitter);
    }
    const { emitterId, sequence } = emitter;
    emitter.sequence += 1;
    return { ...moment, emitterId, sequence };
  }
}

/** The moments of a whole recording, group for group as its lines come. */
export async function* planRecording(lines: AsyncIterable<readonly NumberedLine[]>, source: PlanSource): AsyncGenerator<readonly Moment[]> {
  const planner = new Planner(source);
  for await (const group of lines) yield group.flatMap((line) => planner.add(line));
}

/** The call with what it rests on named as the retrievals' moments are. */
function grounded(call: RecordedToolCall, digest: FileDigest): RecordedToolCall {
  if (call.groundedOn === undefined) return call;
  return { ...call, groundedOn: call.groundedOn.map((named) => retrievalUuid(digest, call, named)) };
}

/** A tool call id may repeat within a run, so the step belongs to the name. */
function callKey({ stepIndex, toolCallId }: { readonly stepIndex: number; readonly toolCallId?: string | undefined }): string {
  return `${stepIndex} ${toolCallId ?? ''}`;
}

function remember(calls: Map<string, string>, key: string, executionId: string): void {
  calls.delete(key);
  calls.set(key, executionId);
  if (calls.size <= CALLS_REMEMBERED) return;
  for (const oldest of calls.keys()) {
    calls.delete(oldest);
    return;
  }
}

/** Whether a call's outcome goes before a line that starts now. Its own retrieval may come at the very end of the call. */
function isDue({ settlesAt }: PendingCall, now: number | null, own: boolean): boolean {
  if (settlesAt === null || now === null) return !own;
  return own ? settlesAt < now : settlesAt <= now;
}

function settle(workflow: OpenWorkflow, isSettled: (pending: PendingCall) => boolean, moments: Unnumbered[]): void {
  if (workflow.pending.length === 0) return;
  const due = workflow.pending.filter(isSettled);
  workflow.pending = workflow.pending.filter((pending) => !due.includes(pending));
  due.sort((a, b) => (a.settlesAt ?? 0) - (b.settlesAt ?? 0) || a.line - b.line);
  for (const { line, call, executionId, settlesAt, open } of due) {
    moments.push({ kind: 'call_settled', run: open.run, line, at: settlesAt, call, executionId });
    open.unsettled -= 1;
    open.lastAt = settlesAt === null ? open.lastAt : Math.max(settlesAt, open.lastAt ?? settlesAt);
    if (open.ending && open.unsettled === 0) end(workflow, open, moments);
  }
}

function end(workflow: OpenWorkflow, { run, lastLine, lastAt }: OpenRun, moments: Unnumbered[]): void {
  workflow.runs.delete(run.runId);
  moments.push({ kind: 'run_ended', run, line: lastLine, at: lastAt });
}

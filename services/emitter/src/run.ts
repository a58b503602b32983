import type { CallInfo } from './call-info.ts';
import { context } from './context.ts';
import { type CallOptions, checkOptions } from './describe.ts';
import type { DocumentRef, PreparedCall, RunIdentity } from './descriptions.ts';
import type { Emitter } from './emitter.ts';
import { Execution } from './execution.ts';
import type { Outcome, Settled } from './outcome.ts';
import { RunTracker } from './tracker.ts';

/** A call that a framework reports by callbacks: observed, never guarded. */
export interface ReportedCall extends CallInfo, Pick<CallOptions<unknown>, 'effect' | 'annotations' | 'poll' | 'deadlineMs'> {
  readonly tool: string;
  readonly input: unknown;
  readonly effectKey?: ReturnType<NonNullable<CallOptions<unknown>['effectKey']>> | undefined;
  readonly occurrence?: string | undefined;
}

export interface Retrieved {
  readonly dataSource: string;
  readonly query: unknown;
  readonly documents: readonly DocumentRef[];
  /** The tool call that retrieved; within a tool it is known. */
  readonly toolCallId?: string | undefined;
  readonly durationMs?: number | undefined;
}

/** A reported call under way. */
export interface ReportedExecution {
  readonly executionId: string;
  /** The same in every run; undefined where the input has no hash and no effect key is declared. */
  readonly idempotencyKey: string | undefined;
  /** Reports how it ended; the first word counts. The outcome is classified unless it is given. */
  settle(settled: Settled, outcome?: Outcome): void;
}

/** One try of an agent at a workflow. */
export interface Run extends RunIdentity {
  /** Reports that a tool is about to run, for frameworks that only call back; a wrapped tool reports itself. */
  begin(call: ReportedCall): ReportedExecution;
  /** Reports documents that were retrieved; answers the retrieval's id, for `groundedOn`. */
  retrieved(retrieved: Retrieved): string;
  /** Says how the run ended; the first word counts. Needed where the run's function answers with a stream, or to suspend. */
  end(status: 'succeeded' | 'failed' | 'suspended'): void;
}

/** Most calls that are under way and can be named by their tool call's id. */
const MOST_OPEN_CALLS = 1024;

/** A run, and what the emitter keeps of it. */
export class RunState {
  readonly emitter: Emitter;
  readonly identity: RunIdentity;
  readonly tracker = new RunTracker();
  /** The execution inside which the run was started: a tool that delegates to another agent. */
  readonly parentExecutionId: string | undefined;
  readonly handle: Run;
  readonly #open = new Map<string, PreparedCall>();
  #nextStep = 0;
  #ended = false;

  constructor(emitter: Emitter, identity: RunIdentity, parentExecutionId?: string) {
    this.emitter = emitter;
    this.identity = identity;
    this.parentExecutionId = parentExecutionId;
    this.handle = Object.freeze({
      ...identity,
      begin: (call: ReportedCall) => this.#begin(call),
      retrieved: (retrieved: Retrieved) => this.retrieved(retrieved),
      end: (status: 'succeeded' | 'failed' | 'suspended') => this.end(status),
    });
  }

  start(token: string | undefined): void {
    this.#emitRun('started', undefined, token === undefined ? undefined : { 'idemtrace-token': token });
  }

  end(status: 'succeeded' | 'failed' | 'suspended'): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#emitRun(status === 'suspended' ? 'suspended' : 'ended', status === 'suspended' ? undefined : status);
  }

  nextStep(): number {
    return this.#nextStep++;
  }

  opened(call: PreparedCall): void {
    const id = call.event.toolCallId;
    if (id !== null && this.#open.size < MOST_OPEN_CALLS) this.#open.set(id, call);
  }

  closed(call: PreparedCall): void {
    const id = call.event.toolCallId;
    if (id !== null && this.#open.get(id) === call) this.#open.delete(id);
  }

  /** A retrieval within a tool call takes its step; any other is a step itself. */
  retrieved({ toolCallId, ...retrieved }: Retrieved): string {
    const { environment, builder } = this.emitter;
    const retrievalId = environment.newId();
    this.emitter.guard('reporting a retrieval', () => {
      const around = context.getStore();
      const call = (toolCallId === undefined ? undefined : this.#open.get(toolCallId)) ?? (around?.run === this ? around.call : undefined);
      this.emitter.emit(
        builder.retrievalEvent(
          this.identity,
          {
            ...retrieved,
            retrievalId,
            stepIndex: call?.event.stepIndex ?? this.nextStep(),
            executionId: call?.event.executionId,
            toolCallId: toolCallId ?? call?.event.toolCallId ?? undefined,
          },
          { occurredAt: environment.now() },
        ),
      );
    });
    return retrievalId;
  }

  #begin(call: ReportedCall): ReportedExecution {
    const isSound = this.emitter.guard('poll or deadlineMs', () => checkOptions(call.tool, call));
    const reported = isSound ? call : { ...call, poll: undefined, deadlineMs: undefined };
    const execution = Execution.start(this, reported.tool, [reported.input], {
      ...reported,
      callInfo: () => reported,
      effectKey: () => reported.effectKey,
      occurrence: () => reported.occurrence,
    });
    return {
      executionId: execution.executionId,
      get idempotencyKey() {
        return execution.idempotencyKey;
      },
      settle: (settled, outcome) => execution.settle(settled, { otherwise: outcome }),
    };
  }

  #emitRun(phase: 'started' | 'suspended' | 'ended', status?: 'succeeded' | 'failed', headers?: Readonly<Record<string, string>>): void {
    const { emitter } = this;
    emitter.guard('reporting a run', () => {
      emitter.emit(emitter.builder.runEvent(this.identity, phase, { occurredAt: emitter.environment.now() }, status, headers));
    });
  }
}

/** From the moments of a recording to the events that its agents' emitters would have sent: the SDK's own builder, values from the lines. */
import type { HashKey } from '@idemtrace/identity';
import type { CompiledPolicy } from '@idemtrace/schemas';
import {
  createEventBuilder,
  type EmittedEvent,
  type EventBuilder,
  type Origin,
  type PreparedCall,
  type RunIdentity,
  RunTracker,
} from '@idemtrace/sdk/internal';
import type { Moment, PlannedRun } from '../recording/plan.ts';
import { runKey } from '../recording/survey.ts';
import type { RecordedToolCall } from '../recording/types.ts';

export interface RecordedEventsOptions {
  readonly hashKey: HashKey;
  readonly policy: CompiledPolicy;
  /** Agent's clock for a recording that tells no times, ms since the epoch. */
  readonly clock: () => number;
}

/** Takes the moments of one recording, in order. Holds what is open: the trackers of runs that go on, calls without outcome. */
export class RecordedEvents {
  readonly #clock: () => number;
  readonly #builder: EventBuilder;
  readonly #trackers = new Map<string, RunTracker>();
  /** By line: an execution id that a recording gives twice must not mix two calls. */
  readonly #prepared = new Map<number, PreparedCall>();
  /** Of the moment in hand. */
  #origin: Origin = { emitterId: '', sequence: 0 };

  constructor(options: RecordedEventsOptions) {
    const { hashKey, policy, clock } = options;
    this.#clock = clock;
    this.#builder = createEventBuilder({ hashKey, policy, origin: () => this.#origin });
  }

  event(moment: Moment): EmittedEvent {
    const builder = this.#builder;
    this.#origin = { emitterId: moment.emitterId, sequence: moment.sequence };
    const run = runIdentity(moment.run);
    const at = { occurredAt: moment.at ?? this.#clock() };
    switch (moment.kind) {
      case 'run_started':
        this.#trackers.set(runKey(moment.run), new RunTracker());
        return builder.runEvent(run, 'started', at);
      case 'run_ended':
        this.#trackers.delete(runKey(moment.run));
        return builder.runEvent(run, 'ended', at);
      case 'call_started': {
        const prepared = builder.prepareCall(run, describe(moment.call, moment.executionId), this.#tracker(moment.run));
        this.#prepared.set(moment.line, prepared);
        return builder.started(prepared, at);
      }
      case 'call_settled': {
        const prepared = this.#prepared.get(moment.line);
        if (prepared === undefined) throw new Error(`The recording settles a call at line ${moment.line} that it never started.`);
        this.#prepared.delete(moment.line);
        const { status, result, durationMs } = moment.call;
        const known = status === 'succeeded' && result !== undefined ? { value: result } : undefined;
        return builder.settled(prepared, status, { ...at, durationMs }, known);
      }
      case 'retrieval': {
        const { stepIndex, toolCallId, dataSource, query, documents, durationMs } = moment.retrieval;
        const executionId = moment.executionId ?? undefined;
        const { retrievalId } = moment;
        return builder.retrievalEvent(
          run,
          { retrievalId, stepIndex, executionId, toolCallId, dataSource, query, documents, durationMs },
          at,
        );
      }
    }
  }

  #tracker(run: PlannedRun): RunTracker {
    const tracker = this.#trackers.get(runKey(run)) ?? new RunTracker();
    this.#trackers.set(runKey(run), tracker);
    return tracker;
  }
}

function runIdentity({ tenantId, workflowId, runId, attempt, agentId, conversationId }: PlannedRun): RunIdentity {
  return { tenantId, workflowId, runId, attempt, agentId: agentId ?? undefined, conversationId: conversationId ?? undefined };
}

function describe(call: RecordedToolCall, executionId: string): Parameters<EventBuilder['prepareCall']>[1] {
  const { tool, stepIndex, toolCallId, effect, occurrence, approvalId, groundedOn } = call;
  const effectKey = typeof call.effectKey === 'object' ? keyOf(call.effectKey) : call.effectKey;
  return { tool, input: call.arguments, stepIndex, executionId, toolCallId, effect, effectKey, occurrence, approvalId, groundedOn };
}

function keyOf({ id, effect, scope }: Exclude<RecordedToolCall['effectKey'], string | undefined>) {
  return { id, ...(effect !== undefined && { effect }), ...(scope !== undefined && { scope }) };
}

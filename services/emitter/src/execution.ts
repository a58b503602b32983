import { context } from './context.ts';
import { type CallOptions, describeCall } from './describe.ts';
import type { PreparedCall } from './descriptions.ts';
import { classifyOutcome, isOutcome, type Outcome, type Settled } from './outcome.ts';
import type { RunState } from './run.ts';

export interface Verdict {
  /** What the code declares; its word counts where it is an outcome. */
  readonly classify?: ((settled: Settled) => Outcome | undefined) | undefined;
  /** What holds where the code says nothing. */
  readonly otherwise?: Outcome | undefined;
}

/** One physical invocation of a tool, from its start to its outcome. */
export class Execution {
  readonly executionId: string;
  readonly #run: RunState;
  /** Undefined where preparing it failed: then nothing is reported of it. */
  readonly call: PreparedCall | undefined;
  #startedAt: number;
  #over = false;

  private constructor(run: RunState, executionId: string, call: PreparedCall | undefined) {
    this.#run = run;
    this.executionId = executionId;
    this.call = call;
    this.#startedAt = run.emitter.environment.elapsed();
  }

  /** Mints the execution's id, takes the run's next step, and reports the start. Never throws. */
  static start<I>(run: RunState, tool: string, args: readonly unknown[], options: CallOptions<I>): Execution {
    const { emitter, identity, tracker } = run;
    const executionId = emitter.environment.newId();
    const stepIndex = run.nextStep();
    const call = emitter.guard('reporting a call', () => {
      const place = { executionId, stepIndex, parentExecutionId: context.getStore()?.call?.event.executionId ?? run.parentExecutionId };
      const prepared = emitter.builder.prepareCall(identity, describeCall(emitter, tool, args, options, place), tracker);
      if (prepared.event.unhashable !== null) emitter.counters.unhashable++;
      emitter.emit(emitter.builder.started(prepared, { occurredAt: emitter.environment.now() }));
      run.opened(prepared);
      return prepared;
    });
    return new Execution(run, executionId, call);
  }

  /** The same in every run; undefined where the input has no hash and no effect key is declared. */
  get idempotencyKey(): string | undefined {
    return this.#run.emitter.guard('the idempotency key', () => this.call?.idempotencyKey());
  }

  /** The tool is only called now: what came before was waiting, and is not its duration. */
  restartClock(): void {
    this.#startedAt = this.#run.emitter.environment.elapsed();
  }

  /** Reports how it ended; the first word counts. `result` is hashed where it is plain JSON. Never throws. */
  settle(settled: Settled, verdict: Verdict = {}): void {
    if (this.#over) return;
    this.#over = true;
    const { call } = this;
    if (call === undefined) return;
    const { emitter } = this.#run;
    const durationMs = emitter.environment.elapsed() - this.#startedAt;
    this.#run.closed(call);
    emitter.guard('reporting an outcome', () => {
      const declared = verdict.classify === undefined ? undefined : emitter.guard('outcome', () => verdict.classify?.(settled));
      const outcome = isOutcome(declared) ? declared : (verdict.otherwise ?? classifyOutcome(settled, call.event.effectClass));
      const at = { occurredAt: emitter.environment.now(), durationMs };
      emitter.emit(emitter.builder.settled(call, outcome, at, 'result' in settled ? { value: settled.result } : undefined));
    });
  }
}

import { type BufferLimits, DEFAULT_LIMITS, EventBuffer } from './buffer.ts';
import { type MutableCounters, newCounters } from './counters.ts';
import type { Environment, WarningCode } from './environment.ts';
import { createEventBuilder, type EventBuilder, type EventBuilderOptions, type Origin } from './event-builder.ts';
import type { EmittedEvent, Transport } from './transport.ts';

export interface EmitterOptions extends Pick<EventBuilderOptions, 'hashKey' | 'policy'> {
  readonly transport: Transport;
  readonly agentId?: string | undefined;
  readonly beforeWrite?: 'buffered' | 'acknowledged' | undefined;
  readonly limits?: Partial<BufferLimits> | undefined;
  /** The span that the agent is in, as a W3C `traceparent`; asked once for each event, which is of that trace then, and so are its alerts. */
  readonly traceparent?: (() => string | undefined) | undefined;
}

type Traced = { value: { traceId: string | null | undefined }; headers: Readonly<Record<string, string>> };

/** How long a write waits for its started event to be durable. */
const ACKNOWLEDGEMENT_MS = 10_000;

/** Tenants whose numbers are kept; beyond them those not heard of longest are forgotten. */
const MOST_TENANTS = 4096;

/** What the wrappers share: events on their way, counts, and the promise that observing neither throws nor floods the log. */
export class Emitter {
  readonly builder: EventBuilder;
  readonly buffer: EventBuffer;
  readonly counters: MutableCounters = newCounters();
  readonly environment: Environment;
  readonly agentId: string | undefined;
  readonly acknowledgesWrites: boolean;
  readonly #traceparent: EmitterOptions['traceparent'];
  readonly #warned = new Set<WarningCode>();
  readonly #origins = new Map<string, Origin>();

  constructor(options: EmitterOptions, environment: Environment) {
    this.environment = { ...environment, warn: (message, code) => this.#warnOnce(environment, message, code) };
    this.agentId = options.agentId;
    this.#traceparent = options.traceparent;
    this.acknowledgesWrites = options.beforeWrite === 'acknowledged';
    this.builder = createEventBuilder({
      hashKey: options.hashKey,
      policy: options.policy,
      origin: (tenantId) => this.#origin(tenantId),
    });
    this.buffer = new EventBuffer(options.transport, { ...DEFAULT_LIMITS, ...options.limits }, this.environment, this.counters);
  }

  emit(event: EmittedEvent): boolean {
    this.counters.emitted++;
    const [traceparent, traceId] = /^00-([\da-f]{32})-.{19}$/.exec(`${this.guard('traceparent', () => this.#traceparent?.())}`) ?? [];
    if (traceparent) {
      (event as Traced).value.traceId = traceId;
      (event as Traced).headers = { ...event.headers, traceparent };
    }
    return this.buffer.push(event);
  }

  /**
   * Runs a part of observing. What it throws is counted and told once, without a word of its own: errors of callbacks and of strangers' objects
   * may hold values.
   */
  guard<T>(what: string, observe: () => T): T | undefined {
    try {
      return observe();
    } catch {
      this.counters.faults++;
      this.environment.warn(`${what} failed; the tool ran all the same`, 'IDEMTRACE_FAULT');
      return undefined;
    }
  }

  /** Resolves once all emitted so far is durable, or cannot be made so in time: an agent must not hang on its observer. */
  async acknowledge(): Promise<void> {
    if (await this.buffer.flush(ACKNOWLEDGEMENT_MS)) return;
    this.unacknowledged('no acknowledgement');
  }

  unacknowledged(why: string): void {
    this.counters.unacknowledged++;
    this.environment.warn(`a write did not wait for its event: ${why}`, 'IDEMTRACE_UNACKNOWLEDGED');
  }

  outsideRun(name: string): void {
    this.counters.outsideRun++;
    this.environment.warn(`${name} ran outside any run, unobserved`, 'IDEMTRACE_OUTSIDE_RUN');
  }

  #origin(tenantId: string): Origin {
    // A tenant that was forgotten gets another id, never a number twice.
    const { emitterId, sequence } = this.#origins.get(tenantId) ?? { emitterId: this.environment.newId(), sequence: 0 };
    this.#origins.delete(tenantId);
    for (const oldest of this.#origins.keys()) {
      if (this.#origins.size < MOST_TENANTS) break;
      this.#origins.delete(oldest);
    }
    this.#origins.set(tenantId, { emitterId, sequence: sequence + 1 });
    return { emitterId, sequence };
  }

  #warnOnce(environment: Environment, message: string, code: WarningCode): void {
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    try {
      environment.warn(`idemtrace: ${message}`, code);
    } catch {
      // A warning that cannot be given must not stop the agent; the counters say the same.
    }
  }
}

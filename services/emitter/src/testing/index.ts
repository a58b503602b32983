import type { RetrievalEvent, RunEvent, ToolCallEvent } from '@idemtrace/schemas';
import type { EmittedEvent, Transport } from '../transport.ts';

/** A transport that keeps what it is sent, for tests of agents. */
export interface RecordingTransport extends Transport {
  /** In the order in which they were sent. */
  readonly events: readonly EmittedEvent[];
  readonly runEvents: readonly RunEvent[];
  readonly toolCalls: readonly ToolCallEvent[];
  readonly retrievals: readonly RetrievalEvent[];
  /**
   * Resolves with the first event of those recorded and to come that `matches`; rejects after `timeoutMs` (default 5,000). The emitter sends by
   * itself within some 50 ms: no flush is needed.
   */
  waitFor(matches: (event: EmittedEvent) => boolean, timeoutMs?: number): Promise<EmittedEvent>;
  /** Fails the next `count` batches with `error`. */
  failNext(count: number, error?: unknown): void;
  clear(): void;
}

interface Waiter {
  readonly matches: (event: EmittedEvent) => boolean;
  readonly resolve: (event: EmittedEvent) => void;
}

export function recordingTransport(): RecordingTransport {
  const events: EmittedEvent[] = [];
  let waiters: Waiter[] = [];
  let failures: { left: number; error: unknown } = { left: 0, error: undefined };
  const named = <N extends EmittedEvent['name']>(name: N) =>
    events.filter((event) => event.name === name).map((event) => event.value as Extract<EmittedEvent, { name: N }>['value']);

  return {
    events,
    get runEvents() {
      return named('RunEvent');
    },
    get toolCalls() {
      return named('ToolCallEvent');
    },
    get retrievals() {
      return named('RetrievalEvent');
    },
    async send(batch) {
      if (failures.left > 0) {
        failures.left--;
        throw failures.error;
      }
      events.push(...batch);
      for (const event of batch) {
        for (const waiter of waiters.filter(({ matches }) => matches(event))) {
          waiter.resolve(event);
          waiters = waiters.filter((other) => other !== waiter);
        }
      }
    },
    waitFor(matches, timeoutMs = 5000) {
      const found = events.find(matches);
      if (found !== undefined) return Promise.resolve(found);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiters = waiters.filter((other) => other !== waiter);
          reject(new Error(`no such event within ${timeoutMs} ms, among ${events.length} recorded`));
        }, timeoutMs);
        const waiter: Waiter = {
          matches,
          resolve: (event) => {
            clearTimeout(timer);
            resolve(event);
          },
        };
        waiters.push(waiter);
      });
    },
    failNext(count, error = new Error('recordingTransport was told to fail')) {
      failures = { left: count, error };
    },
    clear() {
      events.length = 0;
    },
  };
}

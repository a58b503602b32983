import { uuidv7 } from './uuid.ts';

/** What the SDK takes from the world around it; tests bring their own. */
export interface Environment {
  /** ms since the epoch. */
  now(): number;
  /** Monotonic, in ms: durations are differences of it. */
  elapsed(): number;
  /** From 0 to below 1. */
  random(): number;
  /** A new UUID that sorts by time. */
  newId(): string;
  /** Calls back after `ms`, without keeping the process alive for it; the answer cancels. */
  after(ms: number, callback: () => void): () => undefined;
  /** Tells the operator, once per code. */
  warn(message: string, code: WarningCode): void;
}

/** What the operator is told of, each at most once per emitter: counters say how often. */
export type WarningCode =
  /** An observed tool or retriever ran outside any run: there is no tenant to emit for. */
  | 'IDEMTRACE_OUTSIDE_RUN'
  /** The buffer was full: events were dropped. */
  | 'IDEMTRACE_DROPPED'
  /** The receiver refused events for good. */
  | 'IDEMTRACE_REJECTED'
  /** Events cannot be sent at present; they are kept and sent again. */
  | 'IDEMTRACE_UNSENT'
  /** A fault in observing, or in a callback that it was given; the tool ran all the same. */
  | 'IDEMTRACE_FAULT'
  /** `beforeWrite: 'acknowledged'` could not be honoured. */
  | 'IDEMTRACE_UNACKNOWLEDGED';

export function processEnvironment(): Environment {
  return {
    now: Date.now,
    elapsed: () => performance.now(),
    random: Math.random,
    newId: () => uuidv7(Date.now()),
    after(ms, callback) {
      const timer = setTimeout(callback, ms);
      timer.unref();
      return () => void clearTimeout(timer);
    },
    warn: (message, code) => process.emitWarning(message, { type: 'IdemtraceWarning', code }),
  };
}

import { AsyncLocalStorage } from 'node:async_hooks';
import type { PreparedCall } from './descriptions.ts';
import type { RunState } from './run.ts';

/** Where code stands: in which run and, inside a tool, in which execution. */
export interface Context {
  readonly run: RunState;
  readonly call: PreparedCall | undefined;
}

/** One for all emitters of a process, so that `currentRun` and `currentCall` need none named. */
export const context = new AsyncLocalStorage<Context>();

import { context } from './context.ts';
import type { Counters } from './counters.ts';
import { Emitter, type EmitterOptions } from './emitter.ts';
import { type Environment, processEnvironment, type WarningCode } from './environment.ts';
import { isSuspension } from './outcome.ts';
import { observeRetriever, type RetrieverOptions } from './retriever.ts';
import { type Run, RunState } from './run.ts';
import { type RunScope, resolveScope, type SubRunScope } from './scope.ts';
import { observeTool, type ToolOptions } from './tool.ts';
import { watch } from './watch.ts';

export interface IdemtraceOptions extends EmitterOptions {
  /** Where warnings go, each code at most once. Default: `process.emitWarning`. */
  readonly warn?: ((message: string, code: WarningCode) => void) | undefined;
}

export interface Idemtrace {
  /**
   * Runs `fn` as a run; tools, retrievers and runs inside it belong to it, in whatever they await. Marks the run's end when `fn` returns, its
   * promise settles or its async iterable is at its end (`failed` where it is left before), but not where it answers with a ReadableStream,
   * a Response or a streaming agent's result: then `run.end()` does. Answers what `fn` answers, throws what it throws.
   * Throws IdemtraceError `tenant_mismatch` or `invalid_scope` before `fn` is called.
   */
  run<T>(scope: RunScope | SubRunScope, fn: (run: Run) => T): T;
  /** A tool as it was, and each execution reported. Throws IdemtraceError `invalid_name` or `invalid_option` where it is wrapped. */
  tool<I, R extends unknown[], O>(
    name: string,
    fn: (input: I, ...rest: R) => O,
    options?: ToolOptions<NoInfer<I>, NoInfer<O>>,
  ): (input: I, ...rest: R) => O;
  /** A retriever as it was, and the documents of each answer reported. */
  retriever<Q, R extends unknown[], O>(
    dataSource: string,
    fn: (query: Q, ...rest: R) => O,
    options: RetrieverOptions<NoInfer<O>>,
  ): (query: Q, ...rest: R) => O;
  /** Sends what has been emitted; resolves once it is durable, or `timeoutMs` (default 5,000) have passed. Never rejects. */
  flush(options?: { readonly timeoutMs?: number }): Promise<Counters>;
  /** Flushes for at most 5 s, gives up the rest, closes the transport. Afterwards tools run unobserved. */
  close(): Promise<void>;
  readonly counters: Counters;
}

const FLUSH_MS = 5000;

/** Throws an error with the code `invalid_hash_key` where the hash key cannot be used. */
export function createIdemtrace(options: IdemtraceOptions): Idemtrace {
  const environment = processEnvironment();
  return assemble(options, options.warn === undefined ? environment : { ...environment, warn: options.warn });
}

/** `createIdemtrace` with a world of the caller's. */
export function assemble(options: EmitterOptions, environment: Environment): Idemtrace {
  const emitter = new Emitter(options, environment);
  return {
    run(scope, fn) {
      const parent = context.getStore();
      const identity = resolveScope(scope, parent?.run.identity, { agentId: emitter.agentId, newId: environment.newId });
      return execute(new RunState(emitter, identity, parent?.call?.event.executionId ?? parent?.run.parentExecutionId), scope.token, fn);
    },
    tool: (name, fn, toolOptions = {}) => observeTool(emitter, name, fn, toolOptions),
    retriever: (dataSource, fn, retrieverOptions) => observeRetriever(emitter, dataSource, fn, retrieverOptions),
    async flush({ timeoutMs = FLUSH_MS } = {}) {
      await emitter.buffer.flush(timeoutMs);
      return { ...emitter.counters };
    },
    close: () => emitter.buffer.close(FLUSH_MS),
    get counters() {
      return { ...emitter.counters };
    },
  };
}

function execute<T>(run: RunState, token: string | undefined, fn: (run: Run) => T): T {
  run.start(token);
  const within = <P>(part: () => P): P => context.run({ run, call: undefined }, part);
  const failed = (error: unknown): void => run.end(isSuspension(error) ? 'suspended' : 'failed');
  let answer: T;
  try {
    answer = within(() => fn(run.handle));
  } catch (error) {
    failed(error);
    throw error;
  }
  return watch(answer, {
    result: (value) => {
      if (!goesOn(value)) run.end('succeeded');
    },
    error: failed,
    abandoned: () => run.end('failed'),
    within,
  });
}

/**
 * Whether an answer goes on after it is there, in a way that cannot be watched: a ReadableStream, a Response, or what AI SDK's `streamText`
 * answers. Its streams are looked for, not at: getters of such objects start them.
 */
function goesOn(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  try {
    return 'textStream' in value || 'fullStream' in value || value instanceof ReadableStream || value instanceof Response;
  } catch {
    return false;
  }
}

/** The run that the calling code is part of. */
export function currentRun(): Run | undefined {
  return context.getStore()?.run.handle;
}

/** The execution that the calling code is part of: to be asked inside a tool. */
export function currentCall(): { readonly executionId: string; readonly idempotencyKey: string | undefined } | undefined {
  const call = context.getStore()?.call;
  return call === undefined ? undefined : { executionId: call.event.executionId, idempotencyKey: call.idempotencyKey() };
}

/** The ClickHouse engine in a child process: started, watched, started again when it dies, ended with this process. */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChildMessage, EngineErrorCode, ParentMessage } from './protocol.ts';

export interface EmbeddedEngineOptions {
  /** Data folder; created where it is missing. One process at a time may hold it. */
  readonly path: string;
  /** Told when the engine died and is started again, and when that failed. */
  readonly onExit?: (exit: EngineExit) => void;
  /** The child's program, for a bundle that puts it elsewhere. Default: `child` beside this module. */
  readonly childEntry?: URL;
  /** Environment of this process: what the engine needs of it is handed on, nothing else. Default: nothing is. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Package that holds the engine. Default `chdb`. */
  readonly engine?: string;
  /** Default: any free one, kept over restarts. */
  readonly port?: number;
  /** Default: a random one. */
  readonly password?: string;
}

export interface EngineExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Milliseconds until it is started again. */
  readonly restartInMs: number;
}

export interface EmbeddedEngine {
  /** Stays the same over restarts. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** Of the child process that runs now; undefined between a death and the restart. */
  readonly pid: number | undefined;
  /** How often the engine was started again. */
  readonly restarts: number;
  /** Lets requests under way finish, then ends the child. Idempotent. */
  stop(): Promise<void>;
}

/** The engine cannot run here. `code` says which of three, the message what to do. */
export class EmbeddedEngineError extends Error {
  override readonly name = 'EmbeddedEngineError';
  readonly code: EngineErrorCode;
  constructor(code: EngineErrorCode, path: string, detail: string) {
    super(`${ADVICE[code](path)} (${detail})`);
    this.code = code;
  }
}

const ADVICE: { readonly [C in EngineErrorCode]: (path: string) => string } = {
  engine_unavailable: () =>
    'The embedded ClickHouse engine is not installed: add it with `pnpm add chdb` (Linux with glibc and macOS only), or configure a ClickHouse server',
  engine_in_use: (path) => `The data folder ${path} is in use by another process: stop that one, or use another folder`,
  engine_failed: (path) => `The embedded ClickHouse engine did not start on ${path}`,
};

const USERNAME = 'idemtrace';
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
/** An engine that lived this long starts its backoff anew. */
const HEALTHY_AFTER_MS = 30_000;
const STOP_TIMEOUT_MS = 6_000;
/** Each query holds a thread of the pool while it runs; the default of four would queue the fifth. */
const POOL_THREADS = '16';
/** What the engine needs of the environment: the rest, secrets included, stays here. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'NODE_PATH'];

function childEnvironment(given: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { TZ: 'UTC', UV_THREADPOOL_SIZE: POOL_THREADS };
  for (const name of PASSED_ON) if (given[name] !== undefined) environment[name] = given[name];
  return environment;
}

/**
 * Starts the engine on a folder and resolves once it answers. Give `url`, `username` and `password` to `createClient` of @clickhouse/client;
 * while the engine restarts, connections are refused, and a caller tries again. Throws EmbeddedEngineError.
 */
export async function startEmbeddedEngine(options: EmbeddedEngineOptions): Promise<EmbeddedEngine> {
  const password = options.password ?? randomBytes(24).toString('base64url');
  const entry = options.childEntry ?? new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './child.js', import.meta.url);
  let child: ChildProcess | undefined;
  let port = options.port ?? 0;
  let restarts = 0;
  let stopping: Promise<void> | undefined;
  const stopped = new AbortController();

  async function launch(): Promise<void> {
    const launched = fork(entry, [], {
      env: childEnvironment(options.environment ?? {}),
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child = launched;
    port = await ready(launched);
    // The engine alone must not keep a program alive that is done; it ends with it.
    launched.unref();
    launched.channel?.unref();
    const startedAt = performance.now();
    launched.once('exit', (exitCode, signal) => {
      child = undefined;
      if (stopping === undefined) void restart(exitCode, signal, performance.now() - startedAt);
    });
  }

  function ready(launched: ChildProcess): Promise<number> {
    const message: ParentMessage = {
      type: 'start',
      path: options.path,
      port,
      username: USERNAME,
      password,
      engine: options.engine ?? 'chdb',
    };
    return new Promise((resolve, reject) => {
      launched.on('message', (answer: ChildMessage) => {
        if (answer.type === 'ready') resolve(answer.port);
        else reject(new EmbeddedEngineError(answer.code, options.path, answer.detail));
      });
      launched.once('error', (error) => reject(new EmbeddedEngineError('engine_failed', options.path, error.message)));
      launched.once('exit', (code, signal) => reject(new EmbeddedEngineError('engine_failed', options.path, `exit ${code ?? signal}`)));
      launched.send(message, () => undefined);
    });
  }

  let backoffMs = FIRST_BACKOFF_MS;
  async function restart(exitCode: number | null, signal: NodeJS.Signals | null, livedMs: number): Promise<void> {
    if (livedMs > HEALTHY_AFTER_MS) backoffMs = FIRST_BACKOFF_MS;
    options.onExit?.({ exitCode, signal, restartInMs: backoffMs });
    try {
      await delay(backoffMs, undefined, { signal: stopped.signal });
      backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
      restarts += 1;
      await launch();
    } catch {
      // A start that failed has left no child behind; it is tried again, later each time.
      if (stopping === undefined) void restart(null, null, 0);
    }
  }

  async function stop(): Promise<void> {
    stopped.abort();
    const running = child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    running.ref();
    const exited = new Promise<void>((resolve) => running.once('exit', () => resolve()));
    running.send({ type: 'stop' } satisfies ParentMessage, () => undefined);
    const timer = setTimeout(() => running.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  await launch();
  return {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    username: USERNAME,
    password,
    get pid() {
      return child?.pid;
    },
    get restarts() {
      return restarts;
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

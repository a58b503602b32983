/** One service as a process: started until it is ready, stopped, killed, paused and started again on the same ports and data. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LocalServiceError } from './error.ts';
import { type Guard, guard } from './guard.ts';
import { runningProcesses, serviceProcesses, signal } from './process-table.ts';

export interface ServiceOptions {
  /** Folder of its data and log, kept at the end. Default: a passing one, removed by `stop`. */
  readonly folder?: string;
  /** Once it is ready, it goes on when this process ends. Default: it ends with this process, even when that is killed. */
  readonly detached?: boolean;
}

export interface Service {
  readonly name: string;
  readonly folder: string;
  readonly logFile: string;
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
  /** Ends it in its own order, and removes a passing folder. Idempotent; it can be started again by `restart` where the folder is kept. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, and nothing answers. */
  pause(): Promise<void>;
  /** SIGCONT. */
  resume(): Promise<void>;
  /** Starts it again on the same ports and data (after stopping it, where it runs) and resolves when it is ready. */
  restart(): Promise<void>;
}

export interface Command {
  readonly file: string;
  /** Must name a file of the service's folder: a pid is told by it from one that was given to another program. */
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Definition {
  readonly name: string;
  readonly folder: string;
  readonly isPassing: boolean;
  readonly isDetached: boolean;
  readonly command: Command;
  /** Whether it answers. A throw counts as not yet. */
  readonly isReady: () => Promise<boolean>;
  /** Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
}

const READY_TIMEOUT_MS = 200_000;
const READY_POLL_MS = 50;
const STOP_TIMEOUT_MS = 30_000;
const LOG_TAIL_LINES = 12;

/** The folder of a service: the one that the options name, else a passing one. */
export function serviceFolder(name: string, { folder }: ServiceOptions): { readonly folder: string; readonly isPassing: boolean } {
  if (folder === undefined) return { folder: mkdtempSync(join(tmpdir(), `idemtrace-${name}-`)), isPassing: true };
  mkdirSync(folder, { recursive: true });
  return { folder, isPassing: false };
}

/** Starts it and resolves when it is ready. Throws LocalServiceError `not_started`, with the end of its log. */
export async function startService(definition: Definition): Promise<Service> {
  const { name, folder } = definition;
  const logFile = join(folder, `${name}.log`);
  let child: ChildProcess | undefined;
  let watch: Guard | undefined;

  async function launch(): Promise<void> {
    const launched = spawnLogged(definition, logFile);
    child = launched;
    if (launched.pid !== undefined) watch = guard(launched.pid, definition.isPassing ? folder : undefined);
    const ended = new Promise<void>((resolve) => {
      const settle = () => {
        if (child === launched) child = undefined;
        watch?.release();
        resolve();
      };
      launched.once('exit', settle);
      launched.once('error', settle);
    });
    launched.unref();
    if (await untilReady(definition.isReady, ended)) {
      if (definition.isDetached) watch?.release();
      return;
    }
    await end('SIGKILL');
    throw new LocalServiceError('not_started', `${name} did not start. The end of ${logFile}:\n${tail(logFile)}`);
  }

  async function tree(): Promise<readonly number[]> {
    if (child?.pid === undefined) throw new LocalServiceError('not_running', `${name} does not run: \`restart()\` starts it again.`);
    return (await serviceProcesses(child.pid, folder)).map(({ pid }) => pid);
  }

  async function end(how: NodeJS.Signals): Promise<void> {
    const running = child;
    if (running?.pid === undefined) return;
    const exited = new Promise<void>((resolve) => running.once('exit', () => resolve()));
    // The service itself first: one that starts its workers again must be gone before they are.
    const pids = how === 'SIGKILL' ? await tree() : [running.pid];
    for (const pid of pids) signal(pid, how);
    const timer = setTimeout(() => signal(running.pid ?? 0, 'SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
    // A worker that still ends would hold the data that a restart needs.
    while (pids.length > 1 && (await runningProcesses()).some(({ pid }) => pids.includes(pid))) await delay(READY_POLL_MS);
  }

  await launch().catch((error: unknown) => {
    if (definition.isPassing) rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  return {
    name,
    folder,
    logFile,
    get pid() {
      return child?.pid;
    },
    async stop() {
      if (child !== undefined) for (const pid of await tree()) signal(pid, 'SIGCONT');
      await end(definition.stopSignal ?? 'SIGTERM');
      if (definition.isPassing) rmSync(folder, { recursive: true, force: true });
    },
    kill: () => end('SIGKILL'),
    async pause() {
      for (const pid of await tree()) signal(pid, 'SIGSTOP');
    },
    async resume() {
      for (const pid of await tree()) signal(pid, 'SIGCONT');
    },
    async restart() {
      if (child !== undefined) for (const pid of await tree()) signal(pid, 'SIGCONT');
      await end(definition.stopSignal ?? 'SIGTERM');
      if (!existsSync(folder))
        throw new LocalServiceError('not_running', `${name} was stopped, and its passing folder with it: start another.`);
      await launch();
    },
  };
}

function spawnLogged({ command, folder }: Definition, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a', 0o600);
  try {
    return spawn(command.file, command.args, {
      cwd: folder,
      // Not in this process's group: Ctrl-C on a terminal is for whoever started it, which then stops it in order.
      detached: true,
      stdio: ['ignore', log, log],
      env: { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', HOME: folder, ...command.environment },
    });
  } finally {
    closeSync(log);
  }
}

async function untilReady(isReady: () => Promise<boolean>, ended: Promise<void>): Promise<boolean> {
  const over = Symbol('over');
  const deadline = performance.now() + READY_TIMEOUT_MS;
  const gone = ended.then(() => over);
  while (performance.now() < deadline) {
    const answer = await Promise.race([isReady().catch(() => false), gone]);
    if (answer === over) return false;
    if (answer === true) return true;
    await delay(READY_POLL_MS);
  }
  return false;
}

function tail(logFile: string): string {
  return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
}

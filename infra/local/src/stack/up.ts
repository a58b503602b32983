/** Starts the services of a state folder that do not run, and ends them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { withLock } from '../lock.ts';
import { isFree } from '../ports.ts';
import { runningProcesses, signal } from '../process-table.ts';
import { START, type StackName } from './names.ts';
import { folderOf, remember, type State, stateOf } from './state.ts';

export type UpEvent =
  | { readonly kind: 'running' | 'starting'; readonly name: StackName }
  | { readonly kind: 'ready'; readonly name: StackName; readonly ms: number }
  | { readonly kind: 'failed'; readonly name: StackName; readonly error: unknown };

export type DownEvent =
  | { readonly kind: 'stopping' | 'stopped'; readonly name: StackName }
  | { readonly kind: 'killed'; readonly name: StackName };

const STOP_TIMEOUT_MS = 30_000;
const STOP_POLL_MS = 50;

/** Resolves when all of `names` run, or have failed to; answers whether all run. */
export function up(stateFolder: string, names: readonly StackName[], tell: (event: UpEvent) => void): Promise<boolean> {
  return locked(stateFolder, async () => {
    const started = await Promise.all(names.map((name) => startOne(stateFolder, name, tell)));
    return started.every(Boolean);
  });
}

async function startOne(stateFolder: string, name: StackName, tell: (event: UpEvent) => void): Promise<boolean> {
  const { condition, known } = await stateOf(stateFolder, name);
  if (condition === 'running') {
    tell({ kind: 'running', name });
    return true;
  }
  tell({ kind: 'starting', name });
  const from = performance.now();
  try {
    const { service, ...rest } = await START[name](folderOf(stateFolder, name), await portsStillFree(known?.ports ?? {}));
    if (service.pid === undefined) throw new Error(`${name} ended as soon as it was ready: see ${service.logFile}.`);
    remember(stateFolder, name, { known: { ...rest, pid: service.pid }, isStopped: false });
    tell({ kind: 'ready', name, ms: performance.now() - from });
    return true;
  } catch (error) {
    tell({ kind: 'failed', name, error });
    return false;
  }
}

/** A port that another program took meanwhile is left to it. */
async function portsStillFree(ports: Readonly<Record<string, number>>): Promise<Readonly<Record<string, number>>> {
  const checked = await Promise.all(Object.entries(ports).map(async ([name, port]) => ({ name, port, free: await isFree(port) })));
  return Object.fromEntries(checked.filter(({ free }) => free).map(({ name, port }) => [name, port]));
}

/** Ends `names` in their own order, by force after 30 s. Data and ports are kept for the next start. */
export function down(stateFolder: string, names: readonly StackName[], tell: (event: DownEvent) => void): Promise<void> {
  return locked(stateFolder, async () => {
    await Promise.all(names.map(async (name) => stopOne(stateFolder, await stateOf(stateFolder, name), tell)));
  });
}

async function stopOne(stateFolder: string, { name, known, pids }: State, tell: (event: DownEvent) => void): Promise<void> {
  if (known === undefined) return;
  const [pid] = pids;
  if (pid !== undefined) {
    tell({ kind: 'stopping', name });
    for (const each of pids) signal(each, 'SIGCONT');
    // PostgreSQL waits for its sessions at SIGTERM, and ends them at SIGINT.
    signal(pid, name === 'postgres' ? 'SIGINT' : 'SIGTERM');
    const wasForced = !(await untilGone(pids, STOP_TIMEOUT_MS));
    if (wasForced) {
      for (const each of pids) signal(each, 'SIGKILL');
      await untilGone(pids, STOP_TIMEOUT_MS);
    }
    tell({ kind: wasForced ? 'killed' : 'stopped', name });
  }
  remember(stateFolder, name, { known, isStopped: true });
}

async function untilGone(pids: readonly number[], timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while ((await runningProcesses()).some(({ pid }) => pids.includes(pid))) {
    if (performance.now() > deadline) return false;
    await delay(STOP_POLL_MS);
  }
  return true;
}

/** Two that start or stop at once would each act on what the other changes. */
function locked<T>(stateFolder: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  return withLock(join(stateFolder, 'lock'), work);
}

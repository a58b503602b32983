/** What the state folder says of each service, and whether that is still so. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serviceProcesses } from '../process-table.ts';
import type { Known, StackName } from './names.ts';

/**
 * - `running`
 * - `stopped`: ended by `services:down`, or never started
 * - `dead`: ended by itself or killed; its pid may belong to another program by now
 */
export type Condition = 'running' | 'stopped' | 'dead';

export interface State {
  readonly name: StackName;
  readonly condition: Condition;
  /** Undefined where it was never started. */
  readonly known: Known | undefined;
  /** Of the service and all its processes; 0 where it does not run. */
  readonly rssBytes: number;
  /** Parents first; empty where it does not run. */
  readonly pids: readonly number[];
}

interface Remembered {
  readonly known: Known;
  readonly isStopped: boolean;
}

export function folderOf(stateFolder: string, name: StackName): string {
  return join(stateFolder, name);
}

function fileOf(stateFolder: string, name: StackName): string {
  return join(folderOf(stateFolder, name), 'service.json');
}

/** Written whole or not at all: it holds a password, and whoever reads it acts on the pid. */
export function remember(stateFolder: string, name: StackName, remembered: Remembered): void {
  mkdirSync(folderOf(stateFolder, name), { recursive: true });
  const file = fileOf(stateFolder, name);
  writeFileSync(`${file}.new`, `${JSON.stringify(remembered, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export async function stateOf(stateFolder: string, name: StackName): Promise<State> {
  const remembered = recall(stateFolder, name);
  if (remembered === undefined) return { name, condition: 'stopped', known: undefined, rssBytes: 0, pids: [] };
  const { known, isStopped } = remembered;
  const processes = isStopped ? [] : await serviceProcesses(known.pid, folderOf(stateFolder, name));
  const condition = processes.length > 0 ? 'running' : isStopped ? 'stopped' : 'dead';
  const rssBytes = processes.reduce((sum, process) => sum + process.rssBytes, 0);
  return { name, condition, known, rssBytes, pids: processes.map(({ pid }) => pid) };
}

function recall(stateFolder: string, name: StackName): Remembered | undefined {
  try {
    return JSON.parse(readFileSync(fileOf(stateFolder, name), 'utf8')) as Remembered;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

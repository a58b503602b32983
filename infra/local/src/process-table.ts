/** What runs on this machine, by `ps`: whether a pid is still the service that it was written down for, and what belongs to it. */
import { execFile } from 'node:child_process';
import { sep } from 'node:path';
import { promisify } from 'node:util';
import { LocalServiceError } from './error.ts';

const run = promisify(execFile);
const MAX_TABLE_BYTES = 64 * 1024 * 1024;

export interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  readonly rssBytes: number;
  readonly command: string;
}

/** Every process that runs; the dead that nobody has waited for are left out. */
export async function runningProcesses(): Promise<readonly RunningProcess[]> {
  const table = await run('ps', ['-A', '-ww', '-o', 'pid=,ppid=,rss=,stat=,args='], { maxBuffer: MAX_TABLE_BYTES }).catch(
    (error: unknown) => {
      throw new LocalServiceError('not_installed', 'The processes of this machine cannot be listed: install `ps` (Debian: procps).', {
        cause: error,
      });
    },
  );
  return table.stdout.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    if (match === null || (match[4] ?? '').startsWith('Z')) return [];
    return [{ pid: Number(match[1]), parent: Number(match[2]), rssBytes: Number(match[3]) * 1024, command: match[5] ?? '' }];
  });
}

/**
 * The process `pid` and its descendants, parents first; empty where it does not run, or is another program by now: every service has a file
 * of its folder on its command line.
 */
export async function serviceProcesses(pid: number, folder: string): Promise<readonly RunningProcess[]> {
  const all = await runningProcesses();
  const found = all.filter((candidate) => candidate.pid === pid && candidate.command.includes(`${folder}${sep}`));
  for (const parent of found) found.push(...all.filter((candidate) => candidate.parent === parent.pid));
  return found;
}

/** Sends a signal; a process that is gone is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

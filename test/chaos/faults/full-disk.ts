/** A full disk without special rights: the largest file that a process may write, as `prlimit` (util-linux) sets it while the process runs. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Less than any batch of rows takes. */
const NO_ROOM_BYTES = 512;

/** Leaves the processes that a service started no room to write, until what is given is over. The service's own process keeps its room. */
export async function withFullDisk(service: { readonly pid: number | undefined }, meanwhile: () => Promise<void>): Promise<void> {
  if (service.pid === undefined) throw new Error('the service does not run');
  const pids = await childrenOf(service.pid);
  if (pids.length === 0) throw new Error(`process ${service.pid} has started none`);
  for (const pid of pids) await limitFileSize(pid, NO_ROOM_BYTES);
  await meanwhile();
  // One that died of it was started again, with as much room as there is.
  for (const pid of pids) await limitFileSize(pid, undefined).catch(() => undefined);
}

/** The soft limit alone: it may be lifted again. `undefined`: no limit. */
export async function limitFileSize(pid: number, bytes: number | undefined): Promise<void> {
  await run('prlimit', ['--pid', String(pid), `--fsize=${bytes ?? 'unlimited'}:`]);
}

async function childrenOf(parent: number): Promise<readonly number[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']);
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return rows.flatMap(([pid, ppid]) => (ppid === parent && pid !== undefined ? [pid] : []));
}

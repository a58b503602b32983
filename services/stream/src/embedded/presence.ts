import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Sign of life that a member of a group leaves in the log's file. */
export interface Presence {
  /** Ms since the epoch, by the machine's clock: processes on one file share it, whatever clock the log stamps records with. */
  readonly leaseUntil: number;
  readonly leaseMs: number;
  /** Where `pid` means something. */
  readonly host: string;
  readonly pid: number;
}

/** Names the space of process ids that this process is in: machine, boot and, in containers, namespace. */
export function processSpace(): string {
  return [
    hostname(),
    readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    readOr(() => readlinkSync('/proc/self/ns/pid')),
  ].join(' ');
}

function readOr(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/**
 * False where the lease ran out, or where the process is known to be gone: then nobody waits for the lease of a process that was killed.
 * A lease far in the future was written before the machine's clock was set back, and counts as run out.
 */
export function isPresent(presence: Presence, now: number, host: string): boolean {
  if (presence.leaseUntil < now || presence.leaseUntil > now + 2 * presence.leaseMs) return false;
  return presence.host !== host || processExists(presence.pid);
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process may not be signalled, but it is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

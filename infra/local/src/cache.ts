/** What was fetched for the services: a folder per artifact and version, there whole or not at all. */
import { globSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { withLock } from './lock.ts';

/** `IDEMTRACE_SERVICES_CACHE`, or the user's cache folder. */
function cacheFolder(): string {
  return process.env.IDEMTRACE_SERVICES_CACHE ?? join(homedir(), '.cache/idemtrace/services');
}

/**
 * The folder of `name` (with its version), filled by `fill` at the first call of any process. Others wait for it; what a killed process has
 * half filled is thrown away.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const cache = cacheFolder();
  const folder = join(cache, name);
  if (exists(folder)) return folder;
  return withLock(join(cache, `${name}.lock`), async () => {
    if (exists(folder)) return folder;
    mkdirSync(cache, { recursive: true });
    for (const left of globSync(join(cache, `incoming-${name}-*`))) rmSync(left, { recursive: true, force: true });
    const incoming = mkdtempSync(join(cache, `incoming-${name}-`));
    try {
      await fill(incoming);
      renameSync(incoming, folder);
    } finally {
      rmSync(incoming, { recursive: true, force: true });
    }
    return folder;
  });
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** One process per data folder: a lock that the kernel gives up when its holder dies, however it dies. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** SQLite's code for a lock that another connection holds. */
const SQLITE_BUSY = 5;

/** Takes the folder, creating it where it is missing. Undefined where another process has it. The lock lasts as long as the process. */
export function lockFolder(path: string): { release(): void } | undefined {
  mkdirSync(path, { recursive: true });
  const database = new DatabaseSync(join(path, 'lock'));
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  return { release: () => database.close() };
}

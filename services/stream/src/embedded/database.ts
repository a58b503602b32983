import { randomUUID } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LogError } from '../errors.ts';
import { untilFree } from './faults.ts';
import { upgradeFromRecords } from './upgrade.ts';

/** Marks a SQLite file as a log of ours: 'idmt'. */
const applicationId = 0x69646d74;
/** Raise it with every change of the tables; an older program then refuses the file instead of misreading it. */
const schemaVersion = 2;

/**
 * Records as they are since schema version 2. `position` is (partition id, offset of the first record) in one integer: a rowid table was a
 * fifth faster than a compound key.
 */
const chunks = `
CREATE TABLE chunks (position INTEGER PRIMARY KEY, log_time INTEGER NOT NULL, records INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
`;

const schema = `${chunks}
CREATE TABLE log (id TEXT NOT NULL) STRICT;
CREATE TABLE topics (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL, retention_ms REAL, retention_bytes REAL
) STRICT;
CREATE TABLE partitions (
  id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, number INTEGER NOT NULL,
  low INTEGER NOT NULL DEFAULT 0, high INTEGER NOT NULL DEFAULT 0, last_time INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
  UNIQUE (topic, number)
) STRICT;
CREATE TABLE groups (
  id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, name TEXT NOT NULL, generation INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, name)
) STRICT;
CREATE TABLE members (
  seq INTEGER PRIMARY KEY, grp INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, lease_until INTEGER NOT NULL, lease_ms INTEGER NOT NULL,
  host TEXT NOT NULL, pid INTEGER NOT NULL
) STRICT;
CREATE TABLE shares (
  grp INTEGER NOT NULL, partition INTEGER NOT NULL, committed INTEGER, epoch INTEGER NOT NULL DEFAULT 0, member TEXT,
  generation INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (grp, partition)
) STRICT, WITHOUT ROWID;
`;

export interface DatabaseOptions {
  /** Folder of the log, created where it is missing; `:memory:` is a log of this one instance, gone with it. */
  readonly path: string;
  readonly synchronous: 'full' | 'normal';
  readonly maxPageCount: number | undefined;
}

export interface OpenedDatabase {
  readonly db: DatabaseSync;
  readonly file: string;
  readonly id: string;
  /** The same for every instance on this file in this process. */
  readonly identity: string;
}

/** Opens the log's file, and creates its tables where it is new. Throws `unsupported_log` for what is no log of this version, `log_away`. */
export async function openDatabase(options: DatabaseOptions): Promise<OpenedDatabase> {
  const inMemory = options.path === ':memory:';
  const file = inMemory ? ':memory:' : join(options.path, 'log.sqlite');
  const db = await untilFree(() => connect(options.path, file, inMemory), file);
  try {
    await untilFree(() => refuseForeign(db, file), file);
    await untilFree(() => configure(db, file, options, inMemory), file);
    await untilFree(() => prepareTables(db), file);
    await untilFree(() => refuseForeign(db, file), file);
    const row = await untilFree(() => db.prepare('SELECT id FROM log').get(), file);
    const id = String(row?.id);
    return { db, file, id, identity: inMemory ? id : inodeOf(file) };
  } catch (error) {
    db.close();
    throw error;
  }
}

function connect(folder: string, file: string, inMemory: boolean): DatabaseSync {
  try {
    if (!inMemory) mkdirSync(folder, { recursive: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown error';
    throw new LogError('log_away', `The folder ${folder} of the log cannot be made: ${reason}.`, { cause: error });
  }
  // SQLite waits in the event loop's thread: a few ms at most, the rest is waited for outside of it.
  return new DatabaseSync(file, { timeout: 4 });
}

function inodeOf(file: string): string {
  const stat = statSync(file, { bigint: true });
  return `${stat.dev}:${stat.ino}`;
}

function pragma(db: DatabaseSync, name: string): unknown {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

function refuseForeign(db: DatabaseSync, file: string): void {
  const version = Number(pragma(db, 'user_version'));
  const owner = pragma(db, 'application_id');
  const isNew = version === 0 && owner === 0 && db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.tables === 0;
  if (isNew || (owner === applicationId && version >= 1 && version <= schemaVersion)) return;
  if (owner === applicationId && version > schemaVersion) {
    const text = `The log ${file} has version ${version}, and this program knows none above ${schemaVersion}: use the newer program.`;
    throw new LogError('unsupported_log', text);
  }
  throw new LogError('unsupported_log', `${file} is no log of this program: choose another folder for it.`);
}

function configure(db: DatabaseSync, file: string, options: DatabaseOptions, inMemory: boolean): void {
  // Size of a page and way of vacuuming are fixed by the first write to a new file; later they change nothing.
  db.exec('PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL');
  const journal = pragma(db, 'journal_mode = WAL');
  if (journal !== 'wal' && !inMemory)
    throw new LogError('log_away', `The log ${file} cannot keep a write-ahead log: put its folder on a local disk.`);
  db.exec(`PRAGMA synchronous = ${options.synchronous === 'full' ? 'FULL' : 'NORMAL'}; PRAGMA journal_size_limit = 67108864`);
  if (options.maxPageCount !== undefined) db.exec(`PRAGMA max_page_count = ${Math.trunc(options.maxPageCount)}`);
}

/** Makes the tables of a new log, or those that an older version lacks. */
function prepareTables(db: DatabaseSync): void {
  if (pragma(db, 'user_version') === schemaVersion) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have been first.
    const version = pragma(db, 'user_version');
    if (version === 0) {
      db.exec(schema);
      db.prepare('INSERT INTO log VALUES (?)').run(randomUUID());
      db.exec(`PRAGMA application_id = ${applicationId}`);
    }
    if (version === 1) upgradeFromRecords(db, chunks);
    db.exec(`PRAGMA user_version = ${schemaVersion}`);
    db.exec('COMMIT');
  } finally {
    if (db.isTransaction) db.exec('ROLLBACK');
  }
}

/**
 * A salt for each tenant of a data folder, part of how its keys are derived: a file of its own, minted when the tenant is first hashed, readable
 * by its owner alone. Destroying it is all that it takes to make a tenant's digests such that nobody can compute them again.
 */
import { hash, randomBytes, randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { CommandError } from '../output/command-error.ts';

const FOLDER = 'hash-salts';
const SALT = /^[0-9a-f]{64}$/;

/** The tenant's salt, 64 hex digits. Throws CommandError `invalid_data` where its file holds none. */
export function saltOf(folder: string, tenantId: string): string {
  const path = pathOf(folder, tenantId);
  if (!existsSync(path)) mint(path, join(folder, FOLDER));
  const salt = readFileSync(path, 'utf8').trim();
  if (SALT.test(salt)) return salt;
  throw new CommandError('invalid_data', `${path} is no salt: restore it from a backup, or erase its tenant.`);
}

/** Another process may mint at the same time: the first one's stays, whole. */
function mint(path: string, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const whole = join(folder, `.${randomUUID()}`);
  writeFileSync(whole, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(whole, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    unlinkSync(whole);
  }
}

export function hasSalt(folder: string, tenantId: string): boolean {
  return existsSync(pathOf(folder, tenantId));
}

/** Written over before it is removed, so that a file system that writes in place keeps nothing of it. */
export function destroySalt(folder: string, tenantId: string): void {
  const path = pathOf(folder, tenantId);
  if (!existsSync(path)) return;
  const file = openSync(path, 'r+');
  try {
    writeSync(file, Buffer.alloc(statSync(path).size), 0, undefined, 0);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  unlinkSync(path);
}

/** Named by a digest: a tenant's id may be no file name, and the folder need not list tenants. */
function pathOf(folder: string, tenantId: string): string {
  return join(folder, FOLDER, hash('sha256', tenantId, 'hex'));
}

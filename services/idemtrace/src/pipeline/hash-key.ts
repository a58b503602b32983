/** The hash key of a data folder whose configuration names none: minted once, kept beside the data, readable by its owner alone. */
import { hash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HashKey } from '@idemtrace/identity';
import { z } from 'zod';
import type { Config } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';
import { saltOf } from './tenant-salt.ts';

const FILE = 'hash-key.json';
/** Folders of 0.1.0 have no salts: their tenants' keys follow from the secret alone, and stay so, or they would not know their own digests. */
const stored = z.strictObject({ id: z.string().min(1), secret: z.string().min(32), salted: z.literal(true).optional() });
type Stored = z.output<typeof stored>;

/** The configured key, else the folder's own. */
export function hashKeyOf(config: Config): HashKey {
  const { hashKey, dataDir } = config;
  if (hashKey === undefined) return hashKeyOfFolder(dataDir);
  const previous = hashKey.previous && { id: hashKey.previous.id, secret: hashKey.previous.secret.reveal() };
  return { id: hashKey.id, secret: hashKey.secret.reveal(), ...(previous !== undefined && { previous }) };
}

/** Whose the keys of a tenant are, as far as this program holds anything of them. */
export type KeyHolder = 'configuration' | 'none' | 'secret of the folder' | 'salt of the tenant';

export function keyHolder(config: Config): KeyHolder {
  if (config.hashKey !== undefined) return 'configuration';
  const path = join(config.dataDir, FILE);
  if (!existsSync(path)) return 'none';
  return readStored(path).salted === true ? 'salt of the tenant' : 'secret of the folder';
}

function hashKeyOfFolder(folder: string): HashKey {
  const { id, secret, salted } = storedIn(folder);
  if (salted !== true) return { id, secret };
  return (tenantId) => {
    const salt = saltOf(folder, tenantId);
    // Another salt makes another key: after an erasure, digests from before and after must not be taken for comparable.
    return { id: `${id}.${hash('sha256', salt, 'base64url').slice(0, 8)}`, secret, salt };
  };
}

function storedIn(folder: string): Stored {
  const path = join(folder, FILE);
  const minted = { id: 'local-1', secret: randomBytes(32).toString('hex'), salted: true } as const;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, `${JSON.stringify(minted)}\n`, { flag: 'wx', mode: 0o600 });
    return minted;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return readStored(path);
}

function readStored(path: string): Stored {
  const key = stored.safeParse(parseJson(readFileSync(path, 'utf8')));
  if (key.success) return key.data;
  throw new CommandError(
    'invalid_data',
    `${path} is not a hash key: restore it from a backup, or set IDEMTRACE_HASH_KEY_SECRET and IDEMTRACE_HASH_KEY_ID.`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The hash key of a data folder whose configuration names none: minted once, kept beside the data, readable by its owner alone. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HashKey } from '@idemtrace/identity';
import { z } from 'zod';
import type { Config } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';

const FILE = 'hash-key.json';
const stored = z.strictObject({ id: z.string().min(1), secret: z.string().min(32) });

/** The configured key, else the folder's own. */
export function hashKeyOf(config: Config): HashKey {
  const { hashKey, dataDir } = config;
  if (hashKey === undefined) return hashKeyOfFolder(dataDir);
  const previous = hashKey.previous && { id: hashKey.previous.id, secret: hashKey.previous.secret.reveal() };
  return { id: hashKey.id, secret: hashKey.secret.reveal(), ...(previous !== undefined && { previous }) };
}

function hashKeyOfFolder(folder: string): HashKey {
  const path = join(folder, FILE);
  const minted = { id: 'local-1', secret: randomBytes(32).toString('hex') };
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, `${JSON.stringify(minted)}\n`, { flag: 'wx', mode: 0o600 });
    return minted;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
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

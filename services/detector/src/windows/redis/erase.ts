/** Takes workflows out of the windows: of every window that this Redis holds, whatever its length, partition and epoch. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Client, connect, connected, mastersOf } from './connect.ts';
import { faultOf } from './error.ts';
import { pageNameOf } from './layout.ts';
import type { RedisWindowsOptions } from './options.ts';
import { fieldsOf } from './watch.ts';

export interface ErasedPages {
  readonly found: number;
  readonly left: number;
  /**
   * Whether the append-only file was written anew, so that it holds nothing of the pages either: `none` where there is none, `refused` where this
   * user may not ask for it.
   */
  readonly appendOnlyFile: 'rewritten' | 'none' | 'refused' | 'under way';
}

const SLICE = 1_000;
const REWRITE_PATIENCE_MS = 5 * 60_000;
const POLL_MS = 100;

/**
 * Pages are named by digests, so they are found by the workflows that are known, each given as its key. Facts that a detector writes meanwhile
 * make new pages; it must have judged what is to go. Every key of the server is looked at, in slices.
 *
 * @throws RedisWindowsError
 */
export async function eraseRedisWindows(
  options: Omit<RedisWindowsOptions, 'windowMs'>,
  workflows: Iterable<string>,
  onKeys: (looked: number) => void = () => {},
): Promise<ErasedPages> {
  const names = new Set<string>();
  for (const workflow of workflows) names.add(pageNameOf(workflow));
  const client = connect({ ...options, windowMs: 0 });
  try {
    await connected(client);
    const found = await sweep(client, names, true, onKeys);
    const left = found === 0 ? 0 : await sweep(client, names, false, () => {});
    return { found, left, appendOnlyFile: await rewriteFiles(client) };
  } catch (error) {
    throw faultOf(error);
  } finally {
    client.disconnect();
  }
}

/** `{windows-…:partition}:epoch:page`, and behind the page of a large workflow the path of a part of it. */
const PAGE_KEY = /^(\{windows-[^}]+\}):[^:]+:([\w-]{16})(?:\/.*)?$/;

async function sweep(client: Client, names: ReadonlySet<string>, remove: boolean, onKeys: (looked: number) => void): Promise<number> {
  let [found, looked] = [0, 0];
  for (const master of mastersOf(client)) {
    let cursor = '0';
    do {
      const [next, keys] = await master.scan(cursor, 'MATCH', '{windows-*', 'COUNT', SLICE);
      cursor = next;
      looked += keys.length;
      onKeys(looked);
      const pages = keys.flatMap((key) => {
        const [, slot, name] = PAGE_KEY.exec(key) ?? [];
        return slot !== undefined && name !== undefined && names.has(name) ? [{ slot, key }] : [];
      });
      // Of one call in a Cluster all keys are of one slot.
      for (const together of Map.groupBy(pages, ({ slot }) => slot).values()) {
        const counted = together.map(({ key }) => key);
        found += remove ? await client.unlink(...counted) : counted.length;
      }
    } while (cursor !== '0');
  }
  return found;
}

/** The append-only file keeps what every key was made of until it is written anew. */
async function rewriteFiles(client: Client): Promise<ErasedPages['appendOnlyFile']> {
  const masters: Redis[] = [];
  for (const master of mastersOf(client)) if ((await persistenceOf(master)).get('aof_enabled') === '1') masters.push(master);
  if (masters.length === 0) return 'none';
  for (const master of masters) {
    const until = performance.now() + REWRITE_PATIENCE_MS;
    try {
      // One that is under way may have copied the pages already.
      if (!(await rewritten(master, until))) return 'under way';
      await master.bgrewriteaof();
    } catch (error) {
      if (faultOf(error).code === 'away') throw error;
      return 'refused';
    }
    if (!(await rewritten(master, until))) return 'under way';
  }
  return 'rewritten';
}

async function rewritten(master: Redis, until: number): Promise<boolean> {
  for (;;) {
    const fields = await persistenceOf(master);
    if (fields.get('aof_rewrite_in_progress') === '0' && fields.get('aof_rewrite_scheduled') === '0') return true;
    if (performance.now() > until) return false;
    await delay(POLL_MS);
  }
}

async function persistenceOf(master: Redis): Promise<ReadonlyMap<string, string>> {
  return fieldsOf(await master.info('persistence'));
}

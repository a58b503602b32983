/** Fetched programs are there whole or not at all. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cached } from '../src/cache.ts';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'idemtrace-cache-'));
  vi.stubEnv('IDEMTRACE_SERVICES_CACHE', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

const fill = (text: string) => async (folder: string) => writeFileSync(join(folder, 'program'), text);

test('callers that ask at once share one fetch', async () => {
  let fetches = 0;
  const count = async (folder: string) => {
    fetches += 1;
    await fill('whole')(folder);
  };
  const folders = await Promise.all([1, 2, 3].map(() => cached('kafka-1', count)));
  expect(new Set(folders)).toEqual(new Set([join(cache, 'kafka-1')]));
  expect(fetches).toBe(1);
  expect(readFileSync(join(cache, 'kafka-1/program'), 'utf8')).toBe('whole');
});

test('a fetch that fails leaves nothing, and the next one is tried', async () => {
  const failing = async (folder: string) => {
    await fill('half')(folder);
    throw new Error('the connection broke');
  };
  await expect(cached('kafka-1', failing)).rejects.toThrow('the connection broke');
  expect(existsSync(join(cache, 'kafka-1'))).toBe(false);
  await cached('kafka-1', fill('whole'));
  expect(readFileSync(join(cache, 'kafka-1/program'), 'utf8')).toBe('whole');
});

test('what a killed fetch has left is swept away by the next', async () => {
  mkdirSync(join(cache, 'incoming-kafka-1-abandoned'));
  await cached('kafka-1', fill('whole'));
  expect(readdirSync(cache).sort()).toEqual(['kafka-1', 'kafka-1.lock']);
});

/** Keys of a data folder: of each tenant its own, the same for as long as the tenant is there, and never again once it was erased. */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IdentityProvider } from '@idemtrace/identity';
import { expect, onTestFinished, test } from 'vitest';
import { resolveConfig } from '../src/config/index.ts';
import { hashKeyOf, keyHolder } from '../src/pipeline/hash-key.ts';
import { destroySalt, hasSalt, saltOf } from '../src/pipeline/tenant-salt.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'idemtrace-keys-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function configOf(dataDir: string, env: Readonly<Record<string, string>> = {}) {
  const resolved = resolveConfig({ env, flags: { dataDir }, cwd: dataDir, readFile: () => '' });
  if (!resolved.ok) throw new Error('bad configuration');
  return resolved.config;
}

/** As a program that was just started computes it. */
function digestOf(dataDir: string, tenantId: string) {
  return new IdentityProvider(hashKeyOf(configOf(dataDir))).forTenant(tenantId).digests('input', '{}')[0];
}

test('P1: a tenant’s digests are its own, and once its salt is destroyed nobody computes them again', () => {
  const dataDir = folder();
  const [acme, globex] = [digestOf(dataDir, 'acme'), digestOf(dataDir, 'globex')];
  expect(keyHolder(configOf(dataDir))).toBe('salt of the tenant');
  expect(digestOf(dataDir, 'acme')).toEqual(acme);
  destroySalt(dataDir, 'acme');
  expect(hasSalt(dataDir, 'acme')).toBe(false);
  const anew = digestOf(dataDir, 'acme');
  expect(anew?.digest).not.toBe(acme?.digest);
  // Under another id: digests from before and after are not comparable, rather than different.
  expect(anew?.hashKeyId).not.toBe(acme?.hashKeyId);
  expect(digestOf(dataDir, 'globex')).toEqual(globex);
});

test('P1: salts are readable by their owner alone, and their files name no tenant', () => {
  const dataDir = folder();
  saltOf(dataDir, 'acme');
  const [file = ''] = readdirSync(join(dataDir, 'hash-salts'));
  expect(file).not.toContain('acme');
  expect(statSync(join(dataDir, 'hash-salts', file)).mode & 0o077).toBe(0);
  expect(saltOf(dataDir, 'acme')).toBe(saltOf(dataDir, 'acme'));
  writeFileSync(join(dataDir, 'hash-salts', file), 'spoilt');
  expect(() => saltOf(dataDir, 'acme')).toThrow(/is no salt/);
  destroySalt(dataDir, 'acme');
  destroySalt(dataDir, 'acme');
  expect(readdirSync(join(dataDir, 'hash-salts'))).toEqual([]);
});

test('a folder of 0.1.0 keeps the keys that its digests are under; a configured key is its holder’s', () => {
  const dataDir = folder();
  const secret = 'a secret of at least thirty-two bytes';
  writeFileSync(join(dataDir, 'hash-key.json'), JSON.stringify({ id: 'local-1', secret }));
  expect(digestOf(dataDir, 'acme')).toEqual(new IdentityProvider({ id: 'local-1', secret }).forTenant('acme').digests('input', '{}')[0]);
  expect(keyHolder(configOf(dataDir))).toBe('secret of the folder');
  const env = { IDEMTRACE_HASH_KEY_ID: 'k1', IDEMTRACE_HASH_KEY_SECRET: secret };
  expect(keyHolder(configOf(dataDir, env))).toBe('configuration');
  expect(keyHolder(configOf(folder()))).toBe('none');
});

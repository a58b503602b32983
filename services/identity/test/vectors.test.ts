import { execFileSync } from 'node:child_process';
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

interface Digest {
  readonly hashKeyId: string;
  readonly digest: string;
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/identity.json', import.meta.url), 'utf8')) as {
  readonly tenant: string;
  readonly keys: { readonly current: { readonly secret: string } };
  readonly inputs: readonly {
    readonly canonical: string;
    readonly inputHashes: readonly Digest[];
    readonly resultHashes: readonly Digest[];
  }[];
  readonly salted: { readonly key: { readonly salt: string }; readonly canonical: string; readonly inputHashes: readonly Digest[] };
  readonly effectKeys: readonly {
    readonly effectName: string;
    readonly scope: string;
    readonly source: string;
    readonly parts: readonly string[];
    readonly digests: readonly Digest[];
    readonly idempotencyKey?: string;
  }[];
};

test('the published vectors are what the code comes to', () => {
  execFileSync(process.execPath, [fileURLToPath(new URL('../scripts/vectors.ts', import.meta.url)), '--check'], { stdio: 'pipe' });
});

/** README's steps, followed with node:crypto alone. */
function parts(...texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

function derive(purpose: string, salt = ''): Buffer {
  const tenant = createHash('sha256').update(vectors.tenant).digest('base64url');
  return Buffer.from(hkdfSync('sha256', vectors.keys.current.secret, salt, parts('idemtrace/1', purpose, tenant), 32));
}

const hmac = (key: Buffer, ...texts: readonly string[]): string =>
  createHmac('sha256', key)
    .update(parts(...texts))
    .digest('base64url');

test('an implementation that only follows the README comes to the published vectors', () => {
  for (const { canonical, inputHashes, resultHashes } of vectors.inputs) {
    expect(inputHashes[0]?.digest).toBe(hmac(derive('hash'), 'input', canonical));
    expect(resultHashes[0]?.digest).toBe(hmac(derive('hash'), 'result', canonical));
  }
  const { salted } = vectors;
  expect(salted.inputHashes[0]?.digest).toBe(hmac(derive('hash', salted.key.salt), 'input', salted.canonical));
  for (const key of vectors.effectKeys) {
    const digest = hmac(derive('hash'), 'effect-key', key.scope, key.effectName, key.source, ...key.parts);
    expect(key.digests[0]?.digest).toBe(digest);
    if (key.idempotencyKey === undefined) continue;
    const workflow = key.scope === 'tenant' ? '' : 'invoice-run-7';
    expect(key.idempotencyKey).toBe(
      hmac(derive('idempotency-key'), 'idempotency-key', key.scope, workflow, key.effectName, 'effect-key', digest),
    );
  }
});

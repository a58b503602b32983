/**
 * Writes vectors/*.json: what an emitter in another language must come to, step by step as in README.md. `--check` fails where a file is not
 * what would be written. The SipHash vectors of the reference implementation are not written here: they come from it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  canonicalForm,
  declaredKey,
  type EffectKeyParts,
  IdentityProvider,
  inferredKey,
  keyAtPaths,
  kindOf,
  type PlainJson,
  parsePath,
  removeAt,
  scalarText,
  toPlainJson,
} from '../src/index.ts';

const SECRET = 'a secret of these vectors, thirty-two bytes and more';
const PREVIOUS = 'the secret that it replaced, long enough as well';
const SALT = 'a salt of the tenant alone';
const TENANT = 'acme';
const WORKFLOW = 'invoice-run-7';

const provider = new IdentityProvider({ id: 'k2', secret: SECRET, previous: { id: 'k1', secret: PREVIOUS } });
const identity = provider.forTenant(TENANT);

const inputs: readonly { readonly name: string; readonly input: PlainJson; readonly volatile?: readonly string[] }[] = [
  { name: 'members in any order', input: { invoice_id: 'inv-001', amount: 12.5, currency: 'EUR', urgent: false } },
  {
    name: 'nested lists',
    input: {
      order: {
        id: 7,
        items: [
          { sku: 'A-1', count: 2 },
          { sku: 'B-2', count: 1 },
        ],
      },
      tags: [],
    },
  },
  { name: 'volatile paths', input: { id: 'x', nonce: 'n-1', items: [{ a: 1, at: 't' }] }, volatile: ['nonce', 'items[].at'] },
  { name: 'text normalized in digests only', input: { note: '  Cafe\u0301 \u{1F600} ', to: 'Someone@Example.com' } },
  { name: 'names with digits are digested', input: { 'order-4711': 1, line2: 'x', ok_name: null } },
  { name: 'numbers', input: [0, -0, 1e21, 1e-7, 0.1, 123456789012345680000] },
  { name: 'a leaf itself', input: 'hello' },
  { name: 'more leaves than 32', input: { list: Array.from({ length: 40 }, (_, index) => index) } },
];

function vectorOf({ name, input, volatile = [] }: (typeof inputs)[number]) {
  const plain = toPlainJson(input);
  if (!plain.ok) throw new Error(`vector ${name} is not plain`);
  for (const path of volatile) removeAt(plain.value, parsePath(path));
  const canonical = canonicalForm(plain.value);
  if (!canonical.ok) throw new Error(`vector ${name} has no canonical form`);
  return {
    name,
    input,
    volatile,
    canonical: canonical.text,
    inputHashes: identity.digests('input', canonical.text),
    resultHashes: identity.digests('result', canonical.text),
    queryHashes: identity.digests('query', canonical.text),
    leaves: identity.leaves(plain.value),
  };
}

const keys: readonly { readonly name: string; readonly key: EffectKeyParts | undefined }[] = [
  { name: 'declared by code', key: declaredKey(' inv-001 ') },
  { name: 'declared by code, tenant scope', key: declaredKey('inv-001', 'tenant') },
  { name: 'declared by the path invoice_id', key: keyAtPaths({ invoice_id: 'inv-001' }, ['invoice_id']) },
  {
    name: 'declared by the paths order.id and items[].sku',
    key: keyAtPaths({ order: { id: 7 }, items: [{ sku: 'A' }, { sku: 'B' }] }, ['order.id', 'items[].sku']),
  },
  { name: 'inferred', key: inferredKey({ to: 'x', orderId: 'o-1', customer_id: 42, request_id: 'r-1', itemIds: ['a', 'b'] }) },
];

function keyVector({ name, key }: (typeof keys)[number]) {
  if (key === undefined) throw new Error(`vector ${name} has no key`);
  const digests = identity.effectKeyDigests('charge', key);
  const effectKey = digests[0]?.digest ?? '';
  const parts = { workflowId: WORKFLOW, scope: key.scope, effectName: 'charge', basis: ['effect-key', effectKey] } as const;
  return {
    name,
    effectName: 'charge',
    ...key,
    digests,
    // Inferred keys serve detection alone: nothing is sent downstream under them.
    ...(key.source === 'declared' && {
      idempotencyKey: identity.idempotencyKey(parts),
      idempotencyKeyOfOccurrence: { occurrence: 'second', key: identity.idempotencyKey({ ...parts, occurrence: 'second' }) },
      downstreamKeys: identity.digests('downstream', identity.idempotencyKey(parts)),
    }),
  };
}

const inputHash = identity.digests('input', '{}')[0]?.digest ?? '';
const first = identity.chainCalls([], 'charge', identity.digests('input', '{}'));
const leaves: readonly (readonly [string, string | number | boolean | null])[] = [
  ['id', 'x'],
  ['orderId', 4711],
  ['paid', true],
  ['invoice_id', 'two words'],
  ['ref', 'AB12CD34'],
  ['ref', '12345678'],
  ['to', 'someone@example.com'],
  ['link', 'https://example.com/a?b=c'],
  ['phone', '+49 171 1234567'],
  ['due', '2026-01-31'],
  ['at', '2026-01-31T10:00:00Z'],
  ['at', '10:30'],
  ['amount', '1,200.50'],
  ['amount', 5],
  ['color', 'dark green'],
  ['note', 'Thanks a lot for all of this'],
  ['nothing', null],
];

const vectors = {
  tenant: TENANT,
  keys: { current: { id: 'k2', secret: SECRET }, previous: { id: 'k1', secret: PREVIOUS } },
  inputs: inputs.map(vectorOf),
  noArgument: { canonical: '', inputHashes: identity.digests('input', '') },
  effectKeys: keys.map(keyVector),
  idempotencyKeyOfInput: {
    workflowId: WORKFLOW,
    effectName: 'charge',
    canonical: '{}',
    key: identity.idempotencyKey({ workflowId: WORKFLOW, scope: 'workflow', effectName: 'charge', basis: ['input', inputHash] }),
  },
  occurrence: { text: 'second', digests: identity.digests('occurrence', 'second') },
  approval: { text: 'approved-by-42', digests: identity.digests('approval', 'approved-by-42') },
  precedingCalls: [
    { effectName: 'charge', canonical: '{}', before: [], after: first },
    { effectName: 'mail', canonical: null, before: first, after: identity.chainCalls(first, 'mail', []) },
  ],
  salted: {
    key: { id: 'k2.s1', secret: SECRET, salt: SALT },
    canonical: '{}',
    inputHashes: new IdentityProvider({ id: 'k2.s1', secret: SECRET, salt: SALT }).forTenant(TENANT).digests('input', '{}'),
  },
  kinds: leaves.map(([name, value]) => ({ name, value, kind: kindOf(name, value, scalarText(value)) })),
};

const file = fileURLToPath(new URL('../vectors/identity.json', import.meta.url));
if (!process.argv.includes('--check')) writeFileSync(file, `${JSON.stringify(vectors, null, 2)}\n`);
else if (JSON.stringify(JSON.parse(readFileSync(file, 'utf8'))) !== JSON.stringify(vectors)) {
  console.error('vectors/identity.json is not what scripts/vectors.ts writes: a change of it is a change of every digest');
  process.exitCode = 1;
}

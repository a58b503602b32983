/** Configurations, damaged byte by byte: whatever file and variables hold is answered, by no more than it is worth. */
import { expect, test } from 'vitest';
import { mutate, SEED, SHARE, TOKENS, Xorshift } from '../../../schemas/test/mutations.ts';
import { formatConfigMistakes, printConfigWithOrigins, resolveConfig } from '../src/config/index.ts';
import { LEAVES } from '../src/config/leaves.ts';

const CONFIGURATIONS = 15_000 * SHARE;
const SECRET = 'correct-horse-battery-staple-0123456789';

const FILES = [
  `dataDir: data
topics: { partitions: 3, retention: 2d, retentionBytes: 4GiB }
window:
  length: 1h
batch: { maxRecords: 7, maxBytes: 512KiB }
hashKey: { id: k1, secret: ${SECRET} }
`,
  `kafka:
  brokers: [k1:9092, "k2:9092"]
  sasl: { mechanism: plain, username: me, password: ${SECRET} }
  tls: { enabled: true, ca: ca.pem }
registry: { url: "http://r:8081" }
redis: { url: "redis://r:6379" }
clickhouse: { url: "http://c:8123", database: lineage }
`,
  `intake:
  port: 0
  rate: 100
  tenantRates: { acme: 500, globex: 7 }
  apiKeys:
    - { tenantId: acme, key: ${SECRET} }
lineage: { mode: off }
log: { level: warn }
`,
].map((text) => Buffer.from(text));

const VALUES = [
  '3',
  '24h',
  'on',
  'true',
  'a:1,b:2',
  `acme=${SECRET}, globex=${SECRET}b`,
  'acme=1\nglobex=2',
  '4MiB',
  '../x',
  'http://h:1',
  'plain',
].map((text) => Buffer.from(text));

test(
  `damaged files and variables are answered with a configuration or with at most a hundred mistakes (seed ${SEED})`,
  () => {
    const random = new Xorshift(SEED);
    const outcomes = { resolved: 0, refused: 0 };
    const wrong: string[] = [];
    for (let i = 0; i < CONFIGURATIONS; i++) {
      const text = mutate(FILES, random, TOKENS).toString('utf8');
      const leaf = LEAVES[random.below(LEAVES.length)];
      const env = i % 3 === 0 ? { [leaf?.variable ?? '']: mutate(VALUES, random, TOKENS).toString('utf8') } : {};
      const result = resolveConfig({ file: { path: '/etc/idemtrace.yaml', text }, env, cwd: '/home/me', readFile: () => '' });
      if (result.ok) {
        outcomes.resolved += 1;
        if (/[^\P{Cc}\n]/u.test(printConfigWithOrigins(result.config, result.origins))) wrong.push(`${i}: a control character`);
      } else {
        outcomes.refused += 1;
        const told = formatConfigMistakes(result.mistakes);
        const { length } = result.mistakes;
        if (length === 0 || length > 101 || told.length > length * (1000 + 3 * text.length)) wrong.push(`${i}: mistakes without bound`);
        if (/[^\P{Cc}\n]/u.test(told)) wrong.push(`${i}: a control character`);
      }
    }
    expect(wrong).toEqual([]);
    for (const [outcome, count] of Object.entries(outcomes)) expect([outcome, count > CONFIGURATIONS / 100]).toEqual([outcome, true]);
  },
  240_000 * SHARE,
);

test('a file of nothing but mistakes is told by its first hundred', () => {
  const text = Array.from({ length: 20_000 }, (_, n) => `k${n}: 1\n`).join('');
  const result = resolveConfig({ file: { path: 'c.yaml', text }, env: {}, cwd: '/', readFile: () => '' });
  if (result.ok) throw new Error('a file of unknown keys was taken');
  expect(result.mistakes).toHaveLength(101);
  expect(result.mistakes.at(-1)?.message).toBe('and 19900 more mistakes');
});

test('a list of brokers that is far too long costs its length, not its square', () => {
  const text = `kafka: { brokers: [${Array.from({ length: 60_000 }, (_, n) => `"h${n}:1"`).join(',')}] }\nregistry: { url: "http://r:1" }\n`;
  const result = resolveConfig({ file: { path: 'c.yaml', text }, env: {}, cwd: '/', readFile: () => '' });
  expect(result.ok && result.config.kafka.brokers?.length).toBe(60_000);
});

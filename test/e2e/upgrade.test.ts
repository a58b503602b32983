/** What a release left in the middle of its work, a later program goes on with: nothing lost, nothing twice, and the same verdicts. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { startRedis } from '@idemtrace/local-services';
import { type Config, openLineage, openPipeline, openStore, operatorCounts, queryLineage, resolveConfig } from 'idemtrace/internal';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/program.ts';

interface Stored {
  readonly key: string;
  readonly hash?: Readonly<Record<string, string>>;
  readonly string?: string;
}

interface Lineage {
  readonly migrations: readonly { readonly name: string; readonly checksum: string }[];
  readonly rows: Readonly<Record<string, readonly object[]>>;
}

interface Outcome {
  readonly alerts: readonly string[];
  readonly deadLetters: readonly string[];
}

const POLICY = 'version: release-1\ndefaultEffect: write\ntools:\n  "get_*": { effect: read }\n  "set_*": { effect: idempotent_write }\n';
const TTL_MS = 86_400_000;

function left<T>(release: string, name: string): T {
  return JSON.parse(unpacked(release, name).toString());
}

function unpacked(release: string, name: string): Buffer {
  return gunzipSync(readFileSync(join(import.meta.dirname, `../fixtures/release-${release}/${name}.gz`)));
}

/** The release's log and lineage in a data folder, as a person has them who upgrades. */
async function dataFolder(release: string, env: Readonly<Record<string, string>> = {}): Promise<Config> {
  const folder = await temporaryFolder();
  writeFileSync(join(folder, 'policy.yaml'), POLICY);
  mkdirSync(join(folder, 'data/log'), { recursive: true });
  writeFileSync(join(folder, 'data/log/log.sqlite'), unpacked(release, 'log.sqlite'));
  const resolved = resolveConfig({ env, flags: { dataDir: 'data', policy: 'policy.yaml' }, cwd: folder, readFile: () => '' });
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.mistakes));
  const { client, close } = await openLineage(resolved.config);
  for (const [table, values] of Object.entries(left<Lineage>(release, 'lineage.json').rows)) {
    if (values.length > 0) await client.insert({ table, values, format: 'JSONEachRow' });
  }
  await close();
  return resolved.config;
}

async function windowsOf(release: string): Promise<{ readonly url: string; readonly pages: number }> {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const client = new Redis(redis.url);
  const stored = left<readonly Stored[]>(release, 'windows.json');
  for (const { key, hash, string } of stored) {
    if (hash !== undefined) await client.hset(key, hash);
    else await client.set(key, Buffer.from(string ?? '', 'base64'));
    await client.pexpire(key, TTL_MS);
  }
  client.disconnect();
  return { url: redis.url, pages: stored.length };
}

/** Judges and stores what the release had only appended; how often a window was made anew for it. */
async function goOn(config: Config): Promise<number> {
  const silent = () => {};
  const pipeline = await openPipeline({ config, logger: { info: silent, warn: silent, error: silent } });
  await pipeline.drained();
  const { counters } = await pipeline.detector.status();
  await pipeline.close();
  return counters.rebuilds;
}

async function outcomeOf(config: Config): Promise<Outcome> {
  const { log, codec, close } = await openStore(config);
  const alerts: string[] = [];
  const deadLetters: string[] = [];
  for (const topic of [config.topics.alerts, config.topics.deadLetters]) {
    for await (const record of log.tail(topic)) {
      const [decoded] = await codec.decode([record]);
      if (!decoded?.ok) throw new Error('an output that cannot be decoded');
      const { name, value } = decoded.record;
      if (name === 'Alert') alerts.push(`${value.alertId} ${value.revision} ${value.rule} ${value.severity} ${value.cause}`);
      if (name === 'DeadLetter') deadLetters.push(`${value.reason} ${value.partition}/${value.offset}`);
    }
  }
  await close();
  return { alerts: alerts.toSorted(), deadLetters: deadLetters.toSorted() };
}

async function lineageOf(config: Config) {
  const lineage = await queryLineage(config);
  try {
    return await operatorCounts(lineage.client);
  } finally {
    await lineage.close();
  }
}

async function eventsIn(config: Config): Promise<number> {
  const { log, close } = await openStore(config);
  const bounds = await log.bounds(config.topics.events);
  await close();
  return bounds.reduce((sum, { high }) => sum + high, 0);
}

async function expectGoneOn(release: string, config: Config): Promise<void> {
  const expected = left<Outcome>(release, 'outcome.json');
  expect(await outcomeOf(config)).toEqual(expected);
  expect(expected.alerts.length).toBeGreaterThan(50);
  expect(await lineageOf(config)).toMatchObject({
    // One of each half is a bad record.
    events: (await eventsIn(config)) - 2,
    alertRevisions: expected.alerts.length,
    alerts: new Set(expected.alerts.map((alert) => alert.split(' ')[0])).size,
    deadLetters: expected.deadLetters.length,
  });
}

const RELEASES = ['0.1.0'] as const;

test.each(RELEASES)(
  'W4, L1: what %s judged and stored half is judged and stored to its end, each once, from its log alone',
  async (release) => {
    const config = await dataFolder(release);
    const before = left<Outcome>(release, 'outcome.json');
    const halfway = await outcomeOf(config);
    expect(halfway.alerts.length).toBeGreaterThan(0);
    expect(halfway.alerts.length).toBeLessThan(before.alerts.length);
    expect(await goOn(config)).toBeGreaterThan(0);
    await expectGoneOn(release, config);
    // A start that finds nothing to do.
    await goOn(config);
    await expectGoneOn(release, config);
  },
);

test.each(RELEASES)(
  'W2, W5: the windows that %s left in Redis are read as they are: none is made anew, and no verdict is another',
  async (release) => {
    const { url, pages } = await windowsOf(release);
    expect(pages).toBeGreaterThan(6);
    const config = await dataFolder(release, { IDEMTRACE_REDIS_URL: url });
    expect(await goOn(config)).toBe(0);
    await expectGoneOn(release, config);
  },
);

test.each(RELEASES)(
  'the migrations that made the tables of %s are the ones of today: rows of both stand in the same tables',
  async (release) => {
    const config = await dataFolder(release);
    const lineage = await queryLineage(config);
    const result = await lineage.client.query({
      query: 'SELECT name, toString(checksum) AS checksum FROM schema_migrations ORDER BY name',
      format: 'JSONEachRow',
    });
    const ran = await result.json();
    await lineage.close();
    expect(ran).toEqual(expect.arrayContaining([...left<Lineage>(release, 'lineage.json').migrations]));
  },
);

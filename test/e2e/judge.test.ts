/** `idemtrace judge --dry-run` on the company's day: what it foretells is what comes when the policy is put in force. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sharedKafka, sharedRedis, sharedRegistry } from '@idemtrace/local-services/testing';
import type { Alert } from '@idemtrace/schemas';
import type { EmittedEvent } from '@idemtrace/sdk';
import { COMPANY_POLICY, type Config, openPipeline, openStore, writeCompany } from 'idemtrace/internal';
import { expect, test } from 'vitest';
import { append, configOf, deploymentOn, type Environment, eventsOf, outcomeOf } from '../support/pipeline.ts';
import { run, running, temporaryFolder } from '../support/program.ts';

const POLICY = fileURLToPath(COMPANY_POLICY);
const YAML = readFileSync(POLICY, 'utf8');
/** Classes change: what was added is set, what was set is added. One rule is silent, another fires sooner. */
const CLASSES = YAML.replace('company-1', 'company-2')
  .replace('defaultEffect: write', 'defaultEffect: idempotent_write')
  .replaceAll('effect: idempotent_write }', 'effect: write }')
  .concat('\nrules:\n  foreign_document: off\n  execution_loop: { threshold: 2 }\n');
const WITHOUT_RULE = `${YAML.replace('company-1', 'company-3')}\nrules:\n  duplicate_execution: off\n`;

const EMBEDDED: Environment = { IDEMTRACE_LINEAGE_MODE: 'off', IDEMTRACE_DATA_DIR: 'data' };
const silent = () => {};

interface Report {
  readonly policy: string;
  readonly publishedUnder: readonly string[];
  readonly events: number;
  readonly notJudgedYet: number;
  readonly counts: { readonly new: number; readonly gone: number; readonly changed: number; readonly unchanged: number };
  readonly byRule: readonly Record<string, number | string>[];
  readonly new: readonly Alert[];
  readonly gone: readonly Alert[];
  readonly changed: readonly { readonly published: Alert; readonly judged: Alert }[];
}

/** Plays events into the folder's embedded log, in small batches, under a policy, until they are judged. */
async function play(folder: string, events: readonly EmittedEvent[], policy: string): Promise<Config> {
  const config = configOf({ ...EMBEDDED, IDEMTRACE_POLICY: policy }, folder);
  const pipeline = await openPipeline({ config, logger: { info: silent, warn: silent, error: silent }, throwAway: true });
  for (let from = 0; from < events.length; from += 20) await pipeline.append(events.slice(from, from + 20));
  await pipeline.drained();
  await pipeline.close();
  return config;
}

/** A time after all that is in the log, and before all that comes. */
async function between(): Promise<number> {
  const time = Date.now() + 1;
  while (Date.now() <= time) await new Promise((resolve) => setTimeout(resolve, 1));
  return time;
}

async function scene(seed = 42) {
  const folder = await temporaryFolder();
  const { calls } = await writeCompany(seed, folder);
  await writeFile(join(folder, 'classes.yaml'), CLASSES);
  await writeFile(join(folder, 'without.yaml'), WITHOUT_RULE);
  return { folder, events: await eventsOf(calls) };
}

async function judge(folder: string, policy: string, args: readonly string[] = [], env: Environment = EMBEDDED) {
  const all = ['judge', '--policy', policy, '--dry-run', '--json', '--limit', '100000', ...args];
  const { code, stdout, stderr } = await run(folder, all, env);
  expect({ code, stderr: code === 0 || code === 1 ? '' : stderr }).toMatchObject({ stderr: '' });
  return { code, report: JSON.parse(stdout) as Report };
}

/** What a report says of alerts, applied to them. */
function applied(alerts: ReadonlyMap<string, string>, report: Report): ReadonlyMap<string, string> {
  const told = ({ rule, severity, cause }: Alert) => `${rule} ${severity} ${cause}`;
  const after = new Map(alerts);
  for (const { alertId } of report.gone) after.delete(alertId);
  for (const alert of [...report.new, ...report.changed.map(({ judged }) => judged)]) after.set(alert.alertId, told(alert));
  return new Map([...after].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Everything that a dry run must leave as it is. */
async function stateOf(config: Config) {
  const { log, close } = await openStore(config);
  const { events, alerts, deadLetters } = config.topics;
  const state = {
    bounds: await Promise.all([events, alerts, deadLetters].map((topic) => log.bounds(topic))),
    committed: await Promise.all([config.groups.detector, config.groups.lineage].map((group) => log.committed(events, group))),
  };
  await close();
  return state;
}

test('the policy in force would change nothing, wherever judging again starts, and nothing is written', async () => {
  const { folder, events } = await scene();
  const config = await play(folder, events, POLICY);
  const { alerts } = await outcomeOf(config);
  const state = await stateOf(config);
  const { log, close } = await openStore(config);
  const times: number[] = [];
  for await (const { logTime } of log.tail(config.topics.events)) times.push(logTime);
  await close();
  times.sort((a, b) => a - b);
  expect(new Set(times).size).toBeGreaterThan(20);

  const whole = await judge(folder, POLICY);
  expect(whole).toMatchObject({ code: 0, report: { policy: 'company-1', publishedUnder: ['company-1'], events: events.length } });
  expect(whole.report.counts).toEqual({ new: 0, gone: 0, changed: 0, unchanged: alerts.size });
  for (const share of [0.1, 0.5, 0.9]) {
    const at = times[Math.floor(times.length * share)] ?? 0;
    const { code, report } = await judge(folder, POLICY, ['--from', new Date(at).toISOString()]);
    expect([code, report.counts]).toEqual([0, { new: 0, gone: 0, changed: 0, unchanged: expect.any(Number) }]);
    expect(report.events).toBe(times.filter((time) => time >= at).length);
  }
  const text = await run(folder, ['judge', '--policy', POLICY, '--from', '1h', '--dry-run'], EMBEDDED);
  expect(text).toMatchObject({ code: 0, stdout: expect.stringContaining(`Nothing would change: ${alerts.size} alerts as published.`) });
  expect(await stateOf(config)).toEqual(state);
});

test('W2: what is foretold of a policy is what comes when it is put in force, from the start and in the middle', async () => {
  const { folder, events } = await scene();
  const policy = join(folder, 'classes.yaml');
  const half = Math.floor(events.length / 2);
  await play(folder, events.slice(0, half), POLICY);
  const middle = await between();
  const config = await play(folder, events.slice(half), POLICY);
  const { alerts } = await outcomeOf(config);

  const start = await scene();
  const fromStart = await outcomeOf(await play(start.folder, events, policy));
  const whole = await judge(folder, policy);
  expect(whole.code).toBe(1);
  expect(Math.min(whole.report.counts.new, whole.report.counts.gone, whole.report.counts.changed)).toBeGreaterThan(0);
  expect(applied(alerts, whole.report)).toEqual(fromStart.alerts);

  const rolled = await scene();
  await play(rolled.folder, events.slice(0, half), POLICY);
  const rolledOut = await outcomeOf(await play(rolled.folder, events.slice(half), policy));
  const later = await judge(folder, policy, ['--from', new Date(middle).toISOString()]);
  expect(later).toMatchObject({ code: 1, report: { events: events.length - half } });
  expect(applied(alerts, later.report)).toEqual(rolledOut.alerts);
});

test('a rule that is switched off takes its alerts away, and no other', async () => {
  const { folder, events } = await scene();
  const { alerts } = await outcomeOf(await play(folder, events, POLICY));
  const ofRule = [...alerts].filter(([, told]) => told.startsWith('duplicate_execution')).map(([id]) => id);
  const { report } = await judge(folder, join(folder, 'without.yaml'));
  expect(report.gone.map(({ alertId }) => alertId).sort()).toEqual(ofRule.sort());
  expect(report.counts).toEqual({ new: 0, gone: ofRule.length, changed: 0, unchanged: alerts.size - ofRule.length });

  const { code, stdout } = await run(folder, ['judge', '--policy', 'without.yaml', '--dry-run', '--limit', '3'], EMBEDDED);
  expect(code).toBe(1);
  expect(stdout.split('\n').filter((line) => line.startsWith('- '))).toHaveLength(3);
  expect(stdout).toContain(`Would go: ${ofRule.length} alerts.`);
  expect(stdout).toContain(`and ${ofRule.length - 3} more`);
});

test('without --dry-run it refuses, and bad times, limits and policies are told', async () => {
  const folder = await temporaryFolder();
  const refused = await run(folder, ['judge', '--policy', POLICY], EMBEDDED);
  expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--dry-run') });
  expect(await run(folder, ['judge', '--dry-run'], EMBEDDED)).toMatchObject({ code: 2, stderr: expect.stringContaining('--policy') });
  for (const args of [
    ['--from', 'yesterday'],
    ['--from', '24'],
    ['--limit', 'all'],
  ]) {
    const { code, stderr } = await run(folder, ['judge', '--policy', POLICY, '--dry-run', ...args], EMBEDDED);
    expect([code, stderr]).toEqual([2, expect.stringContaining(args[0] ?? '')]);
  }
  await writeFile(join(folder, 'bad.yaml'), 'version: 1\ntools:\n  pay: { efect: write }\n');
  expect(await run(folder, ['judge', '--policy', 'bad.yaml', '--dry-run'], EMBEDDED)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('bad.yaml:3:'),
  });
});

test('on Kafka the same holds, and a restart under the new policy judges no old event again', async () => {
  const { folder, events } = await scene(43);
  const [kafka, registry, redis] = await Promise.all([sharedKafka(), sharedRegistry(), sharedRedis()]);
  const services = { brokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url };
  const env = deploymentOn(services, { IDEMTRACE_LINEAGE_MODE: 'off' });
  const config = configOf(env, folder);
  const policy = join(folder, 'classes.yaml');
  expect(await run(folder, ['topics', 'create'], env)).toMatchObject({ code: 0 });
  const half = Math.floor(events.length / 2);
  const first = await running(folder, ['detector'], env);
  await append(config, events.slice(0, half));
  const old = await outcomeOf(config);
  const middle = await between();
  const foretold = await judge(folder, policy, [], env);
  expect(foretold.code).toBe(1);
  expect(applied(old.alerts, foretold.report)).toEqual((await outcomeOf(await play(folder, events.slice(0, half), policy))).alerts);
  const state = await stateOf(config);
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(0);

  const second = await running(folder, ['detector'], { ...env, IDEMTRACE_POLICY: policy });
  const since = ['--from', new Date(middle).toISOString()];
  const appending = append(config, events.slice(half));
  // Beside a detector at work: what it has not judged yet is left out.
  expect((await judge(folder, policy, since, env)).report.counts).toMatchObject({ new: 0, gone: 0, changed: 0 });
  await appending;
  const all = await outcomeOf(config);
  const ends = state.bounds[0] ?? [];
  const { log, codec, close } = await openStore(config);
  const versions = new Map<string, number>();
  for await (const record of log.tail(config.topics.alerts)) {
    const [decoded] = await codec.decode([record]);
    if (decoded?.ok !== true || decoded.record.name !== 'Alert') throw new Error('no alert');
    const { partition, revision, policyVersion } = decoded.record.value;
    const key = `${revision < (ends[partition]?.high ?? 0) ? 'old' : 'new'} event, ${policyVersion}`;
    versions.set(key, (versions.get(key) ?? 0) + 1);
  }
  await close();
  expect([...versions.keys()].sort()).toEqual(['new event, company-2', 'old event, company-1']);
  expect(versions.get('old event, company-1')).toBe(old.revisions.length);

  const after = await judge(folder, policy, since, env);
  expect([after.code, after.report.counts]).toEqual([0, { new: 0, gone: 0, changed: 0, unchanged: expect.any(Number) }]);
  expect(after.report).toMatchObject({ events: events.length - half, notJudgedYet: 0, publishedUnder: ['company-2'] });
  expect((await judge(folder, POLICY, since, env)).code).toBe(1);
  expect(all.deadLetters).toEqual([]);
  second.child.kill('SIGTERM');
  expect(await second.ended).toBe(0);
}, 240_000);

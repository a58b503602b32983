/** `idemtrace dead-letters`: listed, read, and put back once their cause is mended. */
import { readFileSync } from 'node:fs';
import { sharedKafka, sharedRedis, sharedRegistry } from '@idemtrace/local-services/testing';
import { type Alert, type DeadLetter, deadLetterOf } from '@idemtrace/schemas';
import { createEventBuilder, RunTracker } from '@idemtrace/sdk/internal';
import type { NewRecord } from '@idemtrace/stream';
import { type Config, openPipeline, openStore, recordsOf, resolveConfig } from 'idemtrace/internal';
import { expect, test } from 'vitest';
import { configOf, deploymentOn, outcomeOf } from '../support/pipeline.ts';
import { run, running, temporaryFolder } from '../support/program.ts';

const FORGOTTEN_MS = 2 * 86_400_000;
const silent = () => {};
const logger = { info: silent, warn: silent, error: silent };

function embeddedConfig(folder: string): Config {
  const flags = { dataDir: `${folder}/data`, 'lineage.mode': 'off' };
  const resolved = resolveConfig({ env: {}, flags, cwd: folder, readFile: (path) => readFileSync(path, 'utf8') });
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.mistakes));
  return resolved.config;
}

/** A charge and its repeat by the next run, as the emitter made them. */
function charges() {
  let sequence = 0;
  const emitterId = '018f2f6e-0000-7000-8000-000000000001';
  const builder = createEventBuilder({
    hashKey: { id: 'test', secret: 'a secret of at least thirty-two bytes' },
    origin: () => ({ emitterId, sequence: sequence++ }),
  });
  const at = { occurredAt: 1_760_000_000_000 };
  return [1, 2].map((attempt) => {
    const identity = { tenantId: 'acme', workflowId: 'invoice-42', runId: `run-${attempt}`, attempt };
    const executionId = `018f2f6e-0000-7000-8000-00000000010${attempt}`;
    const description = { tool: 'charge_card', input: { invoice: 'invoice-42' }, effect: 'write' as const, stepIndex: 0, executionId };
    return builder.settled(builder.prepareCall(identity, description, new RunTracker()), 'succeeded', at, {
      value: { id: `ch_${attempt}` },
    });
  });
}

/** A letter about a record, as a detector of another version may have written it. */
function letterAbout({ key, value }: NewRecord, topic: string, partition: number, reason: string): DeadLetter {
  const record = {
    topic,
    partition,
    offset: 900,
    logTime: Date.now(),
    key: Buffer.from(String(key)),
    value,
    headers: { traceparent: Buffer.from('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01') },
  };
  return deadLetterOf(record, reason, 'schema: cannot be read as the current ToolCallEvent');
}

interface Scene {
  readonly folder: string;
  readonly config: Config;
  /** The repeat, which nobody has judged. */
  readonly unjudged: NewRecord;
}

/** What would have been a log after a detector of an older version: the first charge judged, the repeat a dead letter, and others beside it. */
async function scene(letters: (letterOf: (reason: string, over?: Partial<DeadLetter>) => DeadLetter) => readonly DeadLetter[]) {
  const folder = await temporaryFolder();
  const config = embeddedConfig(folder);
  const store = await openStore(config);
  const [first, unjudged] = recordsOf(charges(), store.codec);
  if (first === undefined || unjudged === undefined) throw new Error('no charges');
  const [position] = await store.log.append(config.topics.events, [first]);
  if (position === undefined) throw new Error('nothing appended');
  const { partition } = position;
  const letterOf = (reason: string, over: Partial<DeadLetter> = {}) => ({
    ...letterAbout(unjudged, config.topics.events, partition, reason),
    ...over,
  });
  const values = letters(letterOf).map((letter) => store.codec.encode('DeadLetter', letter));
  await store.log.append(
    config.topics.deadLetters,
    values.map((value) => ({ key: null, value, partition })),
  );
  await store.close();
  return { folder, config, unjudged, partition };
}

async function judge({ config }: Pick<Scene, 'config'>) {
  const pipeline = await openPipeline({ config, logger });
  await pipeline.drained();
  const { counters } = await pipeline.detector.status();
  const read = async (topic: string) => {
    const records = [];
    for await (const record of pipeline.store.log.tail(topic)) records.push(record);
    return records;
  };
  const alerts: Alert[] = [];
  for (const record of await read(config.topics.alerts)) {
    const [decoded] = await pipeline.store.codec.decode([record]);
    if (decoded?.ok && decoded.record.name === 'Alert') alerts.push(decoded.record.value);
  }
  const [events, letters] = [await read(config.topics.events), await read(config.topics.deadLetters)];
  await pipeline.close();
  return { counters, events, letters, alerts: alerts.map(({ rule, severity, executionId }) => `${rule} ${severity} ${executionId}`) };
}

/** What the repeat is worth, once it is judged. */
const REPEATED = 'duplicate_execution critical 018f2f6e-0000-7000-8000-000000000102';

test('W6, W7: a dead letter that is put back is judged as if it came then; put back again, it is a redelivery', async () => {
  const it = await scene((letterOf) => [letterOf('incompatible_schema')]);
  const place = `${it.partition}:0`;
  const letters = (...args: readonly string[]) => run(it.folder, ['dead-letters', ...args, '--data', 'data']);
  const before = await judge(it);
  expect(before.alerts.filter((alert) => alert.startsWith('duplicate'))).toEqual([]);

  const listed = await letters('list');
  expect(listed).toMatchObject({ code: 0 });
  expect(listed.stdout).toContain(`${place}`);
  expect(listed.stdout).toContain(`incompatible_schema  ${it.config.topics.events}/${it.partition}/900`);

  expect(await letters('redrive', place, '--dry-run')).toMatchObject({ code: 0, stdout: expect.stringContaining('can be put back') });
  expect((await judge(it)).events).toHaveLength(1);

  expect(await letters('redrive', place)).toMatchObject({ code: 0, stdout: expect.stringContaining('put back at') });
  const once = await judge(it);
  expect(once.alerts.filter((alert) => alert.startsWith('duplicate'))).toEqual([REPEATED]);
  const [, redriven] = once.events;
  expect(redriven?.value?.equals(it.unjudged.value)).toBe(true);
  expect(String(redriven?.key)).toBe(it.unjudged.key);
  expect(redriven?.partition).toBe(it.partition);
  expect(Object.fromEntries(Object.entries(redriven?.headers ?? {}).map(([name, value]) => [name, String(value)]))).toEqual({
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    redriveOf: `${it.config.topics.events}/${it.partition}/900`,
  });

  expect(await letters('redrive', '--reason', 'incompatible_schema', '--since', '1h')).toMatchObject({ code: 0 });
  const twice = await judge(it);
  expect(twice.events).toHaveLength(3);
  expect(twice.alerts).toEqual(once.alerts);
  expect(twice.letters).toHaveLength(1);
  // The windows of the embedded pipeline are rebuilt at every start: all three are read again, and the third is known for the second.
  expect(twice.counters.redeliveries).toBe(1);
});

test('what is not mended is not put back, and hinders nothing beside it', async () => {
  const forgotten = Date.now() - FORGOTTEN_MS;
  const it = await scene((letterOf) => [
    letterOf('bad_magic', { value: Buffer.from('{"card":"4111 1111"}') }),
    letterOf('too_large', { valueTruncated: true }),
    letterOf('identity_conflict'),
    letterOf('identity_conflict', { logTime: forgotten }),
    letterOf('unknown_schema'),
    letterOf('lineage_refused', { topic: 'idemtrace.alerts' }),
  ]);
  const letters = (...args: readonly string[]) => run(it.folder, ['dead-letters', ...args, '--data', 'data']);
  const at = (offset: number) => `${it.partition}:${offset}`;

  const places = [0, 1, 2, 3, 4, 5].map(at);
  const { code, stdout } = await letters('redrive', ...places, '--json');
  expect(code).toBe(1);
  const outcomes = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { outcome: string; hindrance?: { reason: string } });
  expect(outcomes.map(({ outcome, hindrance }) => hindrance?.reason ?? outcome)).toEqual([
    'bad_magic',
    'cut',
    'in_window',
    'put_back',
    'too_early',
    'other_topic',
  ]);
  expect((await judge(it)).events).toHaveLength(2);

  expect(await letters('redrive', '--reason', 'bad_magic')).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('not put back: bad_magic, wire format: first byte is not 0'),
    stderr: expect.stringContaining('0 put back onto idemtrace.events, 1 not.'),
  });
  expect((await judge(it)).events).toHaveLength(2);
});

test('P1: key, headers and value of a dead letter are shown only where they are asked for', async () => {
  const it = await scene((letterOf) => [letterOf('bad_magic', { value: Buffer.from('{"card":"4111 1111"}') }), letterOf('key_mismatch')]);
  const show = (...args: readonly string[]) => run(it.folder, ['dead-letters', 'show', ...args, '--data', 'data']);
  const place = `${it.partition}:0`;
  for (const args of [[place], [place, '--json']]) {
    const { code, stdout } = await show(...args);
    expect(code).toBe(0);
    expect(stdout).toContain('The value does not start with the byte 0 of the wire format.');
    expect(stdout).toContain('Mend what wrote it');
    expect(stdout).not.toMatch(/4111|NDExMSAxMTEx|0af7651916cd43dd|invoice-42/);
  }
  expect((await show(place, '--bytes')).stdout).toContain('7b 22 63 61 72 64 22 3a');
  expect((await show(place, '--bytes', '--json')).stdout).toContain(Buffer.from('{"card":"4111 1111"}').toString('base64'));

  const decoded = await show(`${it.partition}:1`, '--json');
  expect(JSON.parse(decoded.stdout)).toMatchObject({ now: { valid: true }, decoded: { name: 'ToolCallEvent', tool: 'charge_card' } });
});

test('what cannot be meant ends with the exit code that the help tells', async () => {
  const it = await scene(() => []);
  const letters = (...args: readonly string[]) => run(it.folder, ['dead-letters', ...args, '--data', 'data']);
  expect(await letters('list')).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('No dead letters') });
  expect(await letters('show', '0:7')).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no dead letter at 0:7') });
  expect(await letters('redrive', '0:7')).toMatchObject({ code: 1 });
  expect(await letters('redrive')).toMatchObject({ code: 2, stderr: expect.stringContaining('--reason') });
  expect(await letters('redrive', '0:7', '--reason', 'bad_magic')).toMatchObject({ code: 2 });
  expect(await letters('show', '0/7')).toMatchObject({ code: 2, stderr: expect.stringContaining('PARTITION:OFFSET') });
  expect(await letters('list', '--reason', 'bad_magik')).toMatchObject({ code: 2, stderr: expect.stringContaining('bad_magic') });
  expect(await letters('list', '--since', 'yesterday')).toMatchObject({ code: 2 });
  expect(await letters('list', '--limit', '0')).toMatchObject({ code: 2 });
});

test('W6, W7: on Kafka a dead letter of the detector is told, and one whose cause is mended is put back and judged once', async () => {
  const [kafka, registry, redis] = await Promise.all([sharedKafka(), sharedRegistry(), sharedRedis()]);
  const folder = await temporaryFolder();
  const env = deploymentOn({ brokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url });
  const config = configOf(env, folder);
  const { events, deadLetters } = config.topics;
  expect(await run(folder, ['topics', 'create'], env)).toMatchObject({ code: 0 });
  const detector = await running(folder, ['detector'], env);
  const letters = (...args: readonly string[]) => run(folder, ['dead-letters', ...args], env);

  const store = await openStore(config);
  const [first, unjudged] = recordsOf(charges(), store.codec);
  if (first === undefined || unjudged === undefined) throw new Error('no charges');
  const [position] = await store.log.append(events, [first, { ...unjudged, value: Buffer.from('no record') }]);
  const partition = position?.partition ?? 0;
  expect((await outcomeOf(config)).deadLetters).toHaveLength(1);
  const mended = store.codec.encode('DeadLetter', letterAbout(unjudged, events, partition, 'incompatible_schema'));
  await store.log.append(deadLetters, [{ key: null, value: mended, partition }]);
  await store.close();

  const listed = (await letters('list', '--json')).stdout.trim().split('\n');
  const [bad, good] = listed.map((line) => JSON.parse(line) as { readonly letter: string; readonly reason: string });
  expect([bad?.reason, good?.reason]).toEqual(['bad_magic', 'incompatible_schema']);
  expect(await letters('show', bad?.letter ?? '')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('cannot be put back: bad_magic'),
  });
  expect(await letters('redrive', bad?.letter ?? '')).toMatchObject({ code: 1 });

  expect(await letters('redrive', good?.letter ?? '')).toMatchObject({ code: 0, stdout: expect.stringContaining('put back at') });
  const once = await outcomeOf(config);
  expect([...once.alerts.values()].filter((alert) => alert.startsWith('duplicate_execution'))).toHaveLength(1);
  expect(await letters('redrive', '--reason', 'incompatible_schema')).toMatchObject({ code: 0 });
  const twice = await outcomeOf(config);
  expect(twice.revisions).toEqual(once.revisions);
  expect(twice.deadLetters).toEqual(once.deadLetters);
  detector.child.kill('SIGTERM');
  expect(await detector.ended).toBe(0);
}, 240_000);

/** Ten thousand records that must not be judged among a hundred thousand that must, and a registry that is slow and then away. */

import { MemoryWindows, startDetector } from '@idemtrace/detector';
import {
  type Alert,
  type Codec,
  createCodec,
  type DeadLetter,
  fileRegistry,
  INVALID_REASONS,
  PolicyLookup,
  RegistryError,
  type SchemaRegistry,
} from '@idemtrace/schemas';
import type { EmittedEvent } from '@idemtrace/sdk';
import type { EventLog, NewRecord } from '@idemtrace/stream';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { recordsOf } from 'idemtrace/internal';
import { expect, onTestFinished, test } from 'vitest';
import { evolved } from '../../schemas/test/evolved.ts';
import { frame } from '../../schemas/test/wire.ts';
import { benchEvents } from '../bench/data/events.ts';
import { Random } from '../bench/data/random.ts';
import { benchPolicy } from '../bench/data/tools.ts';
import { HOSTILE_SCHEMAS, POISON_REASONS, poisons } from '../support/poison.ts';
import { temporaryFolder, until } from '../support/program.ts';

const GOOD = 100_000;
const POISON = 10_000;
/** Printed with every failure: where poison is among the good, and of which event a second one says something else. */
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));

/** How often the registry is asked in vain before it is back. */
const REFUSALS = 100;

/** What every answer of the registry takes. */
const SLOW_MS = 10;

const TOPICS = { events: 'events', alerts: 'alerts', deadLetters: 'dead-letters' };
const PARTITIONS = 4;
const WINDOW_MS = 86_400_000;

/** A writer of a later version, whose schema has to be asked for: good events come from such ones too. */
const LATER = evolved('ToolCallEvent');
const LATER_IDS = [8_001, 8_002, 8_003, 8_004];

/** The current schemas, a later version's, some that nobody can read; slow, and away while it is told to be. */
function registry() {
  const current = fileRegistry();
  const state = { away: false, refused: 0 };
  const port: SchemaRegistry = {
    idOf: (name) => current.idOf(name),
    async schemaById(id) {
      await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
      if (state.away) {
        state.refused += 1;
        throw new RegistryError('away', 'the registry is away');
      }
      if (LATER_IDS.includes(id)) return LATER.schema;
      return HOSTILE_SCHEMAS.get(id) ?? current.schemaById(id);
    },
  };
  return { port, state };
}

interface Sent extends NewRecord {
  /** Undefined for what is to be judged. */
  readonly reason?: string;
}

/** The same good records, with or without the others among them. */
function* records(codec: Codec, isPoisoned: boolean): Generator<Sent> {
  const random = new Random(SEED);
  const poison = poisons();
  const calls: (EmittedEvent & { readonly name: 'ToolCallEvent' })[] = [];
  let [good, bad] = [0, 0];
  for (const event of benchEvents({ events: GOOD, repeats: 0.1 })) {
    const [record] = recordsOf([event], codec);
    if (record === undefined) throw new Error('no record of an event');
    // By number, not by chance: with poison or without, the same ones.
    const later = event.name === 'ToolCallEvent' && good % 50 === 0 ? LATER_IDS[(good / 50) % LATER_IDS.length] : undefined;
    yield event.name === 'ToolCallEvent' && later !== undefined ? { ...record, value: frame(later, LATER.encode(event.value)) } : record;
    good += 1;
    if (!isPoisoned) continue;
    if (event.name === 'ToolCallEvent' && calls.length < 5000) calls.push(event as (typeof calls)[number]);
    // As many as are due by now, here and there in bunches.
    if (!random.chance(0.05)) continue;
    for (; bad < Math.floor((good * POISON) / GOOD); bad++) yield bad % 40 === 0 ? contradiction(calls, random, codec) : ofPoison(poison());
  }
  if (isPoisoned) for (; bad < POISON; bad++) yield ofPoison(poison());
}

function ofPoison({ reason, record }: ReturnType<ReturnType<typeof poisons>>): Sent {
  return { ...record, reason };
}

/** Another event under an identity that was there before. */
function contradiction(calls: readonly (EmittedEvent & { readonly name: 'ToolCallEvent' })[], random: Random, codec: Codec): Sent {
  const call = calls[random.below(calls.length)];
  if (call === undefined) throw new Error('nothing to contradict');
  const [record] = recordsOf([{ ...call, value: { ...call.value, stepIndex: call.value.stepIndex + 1000 } }], codec);
  if (record === undefined) throw new Error('no record of an event');
  return { ...record, reason: 'identity_conflict' };
}

async function openLog(): Promise<EventLog> {
  let now = 1_760_000_000_000;
  const log = await openEmbeddedLog({ path: await temporaryFolder(), synchronous: 'normal', clock: () => now++ });
  onTestFinished(() => log.close());
  await log.createTopics(
    Object.values(TOPICS).map((name) => ({ name, partitions: PARTITIONS })),
    [{ topic: TOPICS.events, group: 'detector' }],
  );
  return log;
}

async function read<T>(log: EventLog, codec: Codec, topic: string): Promise<readonly T[]> {
  const values: T[] = [];
  for await (const record of log.tail(topic)) {
    const [decoded] = await codec.decode([record]);
    if (decoded?.ok !== true) throw new Error('an undecodable output');
    values.push(decoded.record.value as T);
  }
  return values;
}

/** Judges while records come in; answers what came of it, and what must have. */
async function judged(isPoisoned: boolean) {
  const log = await openLog();
  const { port, state } = registry();
  const codec = await createCodec({ registry: port });
  const said: string[] = [];
  const detector = await startDetector({
    log,
    codec,
    windows: new MemoryWindows({ windowMs: WINDOW_MS }),
    policy: () => new PolicyLookup(benchPolicy),
    topics: TOPICS,
    group: 'detector',
    windowMs: WINDOW_MS,
    maxRecords: 2000,
    report: (message) => said.push(message),
    sleep: () => new Promise((resolve) => setTimeout(resolve, 10)),
  });
  const expected = new Map<string, Sent>();
  let slice: Sent[] = [];
  let appended = 0;
  const append = async () => {
    const positions = await log.append(TOPICS.events, slice);
    for (const [index, sent] of slice.entries()) {
      const position = positions[index];
      if (sent.reason !== undefined) expected.set(`${position?.partition}/${position?.offset}`, sent);
    }
    appended += slice.length;
    slice = [];
  };
  const lag = async () => {
    const [bounds, committed] = await Promise.all([log.bounds(TOPICS.events), log.committed(TOPICS.events, 'detector')]);
    return bounds.reduce((sum, { high }, partition) => sum + high - (committed[partition] ?? 0), 0);
  };
  /** The registry goes away in the middle, and comes back when it has been asked in vain often enough. */
  const change = () => {
    if (isPoisoned && appended > GOOD / 2 && state.refused === 0) state.away = true;
    if (!state.away || state.refused < REFUSALS) return;
    expect(detector.status()).toMatchObject({ ready: false, waitingFor: 'the schema registry' });
    state.away = false;
  };
  for (const sent of records(codec, isPoisoned)) {
    slice.push(sent);
    if (slice.length < 500) continue;
    await append();
    // Not all at once: batches of every size meet what is wrong.
    await until(async () => {
      change();
      return (await lag()) < 20_000 || undefined;
    }, 'the detector to keep up');
  }
  await append();
  await until(async () => {
    change();
    return (await lag()) === 0 || undefined;
  }, 'everything to be judged');
  const { counters } = detector.status();
  await detector.close();
  const [alerts, letters] = [await read<Alert>(log, codec, TOPICS.alerts), await read<DeadLetter>(log, codec, TOPICS.deadLetters)];
  return { alerts, letters, expected, counters, refused: state.refused, said };
}

/** Every revision of every alert, without its position: offsets differ by what lies between. */
function told(alerts: readonly Alert[]): readonly string[] {
  const revisions = new Map<string, string[]>();
  for (const { alertId, rule, severity, cause, evidence } of alerts) {
    const { executionsInRun, executionsAcrossRuns, runs } = evidence;
    const revision = `${rule} ${severity} ${cause} ${executionsInRun}/${executionsAcrossRuns}/${runs}`;
    revisions.set(alertId, [...(revisions.get(alertId) ?? []), revision]);
  }
  return [...revisions].map(([alertId, each]) => `${alertId} ${each.join(', ')}`).sort();
}

test(`W7: of ${POISON} records that are wrong among ${GOOD} that are right each is a dead letter once, and all others are judged (seed ${SEED})`, async () => {
  const calm = await judged(false);
  expect(calm.counters).toMatchObject({ events: GOOD, redeliveries: 0 });
  expect(calm.letters).toEqual([]);
  expect(calm.alerts.length).toBeGreaterThan(1000);

  const poisoned = await judged(true);
  expect(poisoned.expected.size).toBe(POISON);
  const reasonOf = ({ reason }: { readonly reason?: string }) => reason;
  const found = new Map(poisoned.letters.map((letter) => [`${letter.partition}/${letter.offset}`, letter]));
  const wrong = [...poisoned.expected].filter(([place, sent]) => found.get(place)?.reason !== sent.reason);
  expect(wrong.map(([place, sent]) => `${place}: ${sent.reason}, not ${found.get(place)?.reason}`)).toEqual([]);
  expect(poisoned.letters.length).toBe(POISON);
  expect(poisoned.counters.events).toBe(GOOD);
  expect(told(poisoned.alerts)).toEqual(told(calm.alerts));

  // The bytes are there, or it is said that they are not.
  const altered = [...poisoned.expected].filter(([place, { key, value }]) => {
    const letter = found.get(place);
    if (letter === undefined || letter.valueTruncated)
      return letter?.detail.includes('cut') !== true && letter?.detail.includes('left out') !== true;
    const sameKey = key === null ? letter.key === null : letter.key?.equals(Buffer.from(key)) === true;
    return !sameKey || letter.value?.equals(value) === false;
  });
  expect(altered.map(([place, sent]) => `${place} ${reasonOf(sent)}`)).toEqual([]);

  // Of every reason that bytes in a log can have: the two others are of JSON, whose texts and types Avro cannot carry.
  const reasons = new Set(poisoned.letters.map(({ reason }) => reason));
  expect(Object.keys(INVALID_REASONS).filter((reason) => !reasons.has(reason))).toEqual(['wrong_shape', 'not_well_formed']);
  expect([...POISON_REASONS, 'identity_conflict'].filter((reason) => !reasons.has(reason))).toEqual([]);

  // It was waited for, and no record became a dead letter for it.
  expect(poisoned.refused).toBeGreaterThanOrEqual(REFUSALS);
  expect(poisoned.said.some((message) => message.includes('waiting for the schema registry'))).toBe(true);
}, 240_000);

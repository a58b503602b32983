/** A tenant's records in the log: where they are, and how they are taken out of it, or masked where that cannot be. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Codec } from '@idemtrace/schemas';
import { type EventLog, LogError } from '@idemtrace/stream';
import type { EmbeddedLog } from '@idemtrace/stream/embedded';
import type { Config } from '../config/index.ts';
import { topicSpecs } from '../pipeline/topics.ts';
import type { ErasedPlace } from './proof.ts';
import type { Belongs } from './tenant-records.ts';
import { encodeTombstone, type Tombstone, tombstoneTopic, tombstoneTopicSpec } from './tombstones.ts';

export type Progress = (text: string) => void;

/** An erasure of the log that has begun: whoever has kept something by the workflows' keys erases it before it is finished, and they are forgotten. */
export interface LogErasure {
  /** Keys of the workflows whose records were found. */
  readonly workflows: ReadonlySet<string>;
  finish(): Promise<readonly ErasedPlace[]>;
}

interface Found {
  readonly records: number;
  readonly newest: number;
}

/** So many offsets are overwritten together. */
const SLICE = 5_000;

/** Puts clock ticks in the place of the tenant's records, in every topic, and writes the file anew. Nobody else may use the log meanwhile. */
export async function eraseEmbedded(
  log: EmbeddedLog,
  codec: Codec,
  config: Config,
  belongs: Belongs,
  progress: Progress,
): Promise<LogErasure> {
  const workflows = new Set<string>();
  await scan(log, config.topics.events, belongs, progress, async ({ key }) => {
    if (key !== null) workflows.add(key.toString());
  });
  return { workflows, finish: () => overwriteAll(log, codec, config, belongs, progress) };
}

async function overwriteAll(
  log: EmbeddedLog,
  codec: Codec,
  config: Config,
  belongs: Belongs,
  progress: Progress,
): Promise<readonly ErasedPlace[]> {
  const tick = codec.encode('ClockTick', { occurredAt: Date.now() });
  const places: ErasedPlace[] = [];
  for (const { name } of topicSpecs(config)) {
    const slice: { partition: number; offsets: number[] } = { partition: 0, offsets: [] };
    const flush = async (partition: number) => {
      await log.overwrite(name, slice.partition, slice.offsets, tick);
      slice.partition = partition;
      slice.offsets = [];
    };
    const { records } = await scan(log, name, belongs, progress, async ({ partition, offset }) => {
      if (partition !== slice.partition || slice.offsets.length >= SLICE) await flush(partition);
      slice.offsets.push(offset);
    });
    await flush(0);
    const left = await scan(log, name, belongs, progress);
    places.push({ store: 'log', place: name, found: records, removed: records - left.records, left: left.records });
  }
  progress('log: writing the file anew');
  await log.scrub();
  return places;
}

/**
 * Masks the tenant's records by a tombstone, waits until the detectors and sinks that run have gone past them, and says until when they stay:
 * a cluster deletes records by their age alone.
 */
export async function eraseMasked(
  log: EventLog,
  config: Config,
  { tenantId, belongs }: { readonly tenantId: string; readonly belongs: Belongs },
  progress: Progress,
): Promise<LogErasure> {
  const { events } = config.topics;
  const isNew = await log.partitionsOf(tombstoneTopic(events)).then(
    () => false,
    (error: unknown) => {
      if (error instanceof LogError && error.code === 'unknown_topic') return true;
      throw error;
    },
  );
  if (isNew) await log.createTopics([tombstoneTopicSpec(events)]);
  const names = topicSpecs(config).map(({ name }) => name);
  const highs = await Promise.all(names.map(async (name) => [name, (await log.bounds(name)).map(({ high }) => high)] as const));
  const through: Tombstone['through'] = Object.fromEntries(highs);
  await log.append(tombstoneTopic(events), [{ key: null, value: encodeTombstone(tenantId, through), partition: 0 }]);
  const behind = await passed(log, config, through, progress);

  const workflows = new Set<string>();
  const places: ErasedPlace[] = [];
  for (const name of names) {
    const { records, newest } = await scan(log, name, belongs, progress, async ({ partition, offset, key }) => {
      if (offset < (through[name]?.[partition] ?? 0) && key !== null) workflows.add(key.toString());
    });
    const until = new Date(newest + config.topics.retention).toISOString();
    const notes = [
      ...(records === 0 ? [] : [`stays in Kafka until ${until} (topics.retention), masked for idemtrace`]),
      ...(records > 0 && behind > 0 ? [`${behind} records are not yet judged or stored: let them be, then erase again`] : []),
      ...(isNew ? ['restart detectors and sinks that run: they do not know the topic of tombstones yet'] : []),
    ];
    places.push({
      store: 'log',
      place: name,
      found: records,
      removed: 0,
      left: records,
      ...(notes.length > 0 && { note: notes.join('; ') }),
    });
  }
  return { workflows, finish: async () => places };
}

const POLL_MS = 200;
/** A group that does not move for so long has no member that works. */
const STANDING_STILL_MS = 10_000;

/** Resolves once both groups are past these offsets of the events, or do not move; answers how many records they are short of them. */
async function passed(log: EventLog, { topics, groups }: Config, through: Tombstone['through'], progress: Progress): Promise<number> {
  const ends = through[topics.events] ?? [];
  const shortOf = async (group: string) => {
    const [bounds, committed] = await Promise.all([log.bounds(topics.events), log.committed(topics.events, group)]);
    return ends.reduce((sum, end, partition) => {
      const low = bounds[partition]?.low ?? 0;
      return sum + Math.max(0, end - Math.max(low, committed[partition] ?? low));
    }, 0);
  };
  let [last, movedAt] = [Number.POSITIVE_INFINITY, performance.now()];
  for (;;) {
    const short = (await Promise.all([shortOf(groups.detector), shortOf(groups.lineage)])).reduce((sum, each) => sum + each, 0);
    if (short === 0) return 0;
    if (short < last) [last, movedAt] = [short, performance.now()];
    if (performance.now() - movedAt > STANDING_STILL_MS) return short;
    progress(`log: waiting for detector and sink, ${short} records`);
    await sleep(POLL_MS);
  }
}

type Visit = (record: { readonly partition: number; readonly offset: number; readonly key: Buffer | null }) => Promise<void>;

async function scan(log: EventLog, topic: string, belongs: Belongs, progress: Progress, visit: Visit = async () => {}): Promise<Found> {
  let [records, newest, looked] = [0, 0, 0];
  for await (const record of log.tail(topic)) {
    looked += 1;
    if (looked % 1000 === 0) progress(`log: ${topic}, ${looked} records looked at`);
    if (!(await belongs(record))) continue;
    records += 1;
    newest = Math.max(newest, record.logTime);
    await visit(record);
  }
  return { records, newest };
}

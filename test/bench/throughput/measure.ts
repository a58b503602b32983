/** One run of one subject over a loaded topic. */
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, loadAverage, residentMib } from '../measure/process-figures.ts';
import type { Child } from '../subjects/child.ts';
import { type Answer, readAnswer } from './answer.ts';
import { committedRecords, type LoadedTopic, redisBytes, type Stage } from './stage.ts';
import type { Begun, Subject } from './subject.ts';

export interface Run {
  readonly subject: string;
  readonly records: number;
  /** From the first record in the subject's hands to the last one committed (or read, where nothing is committed). */
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** The last three quarters of the records: without the first, in which machine code is made and caches fill. */
  readonly warmEventsPerSecond: number;
  /** CPU seconds per million records, while it ran. */
  readonly cpuSecondsPerMillion: { readonly subject: number; readonly broker: number; readonly redis: number };
  readonly peakResidentMib: { readonly subject: number; readonly broker: number; readonly redis: number };
  /** By which Redis grew. */
  readonly redisBytes: number;
  readonly answer: Answer | undefined;
  readonly loadAverage: number;
}

const POLL_MS = 100;
const WARM_SHARE = 1 / 4;
const STALLED_MS = 120_000;

interface Times {
  readonly first: number;
  readonly warm: number;
  readonly end: number;
}

export async function measure(
  stage: Stage,
  topic: LoadedTopic,
  subject: Subject,
  { run, onProgress }: { readonly run: string; readonly onProgress: (records: number) => void },
): Promise<Run> {
  await stage.redisClient.flushall();
  const redisBefore = await redisBytes(stage);
  const begun = await subject.begin(stage, topic, run);
  const { children } = begun;
  try {
    const first = await Promise.any(children.map((child) => child.heard('first', 120_000)));
    const before = figures(stage, children);
    const times = await watch(stage, topic, begun, first.time, onProgress);
    const after = figures(stage, children);
    const bytes = (await redisBytes(stage)) - redisBefore;
    await Promise.all(children.map((child) => child.end()));
    const records = topic.data.events;
    const perMillion = (name: 'subject' | 'broker' | 'redis') => ((after[name].cpu - before[name].cpu) * 1e6) / records;
    return {
      subject: subject.name,
      records,
      seconds: (times.end - times.first) / 1000,
      eventsPerSecond: (records * 1000) / (times.end - times.first),
      warmEventsPerSecond: (records * (1 - WARM_SHARE) * 1000) / (times.end - times.warm),
      cpuSecondsPerMillion: { subject: perMillion('subject'), broker: perMillion('broker'), redis: perMillion('redis') },
      peakResidentMib: { subject: after.subject.mib, broker: after.broker.mib, redis: after.redis.mib },
      redisBytes: bytes,
      answer: begun.alerts === undefined ? undefined : await readAnswer(stage, topic.data, begun.alerts),
      loadAverage: loadAverage(),
    };
  } finally {
    await Promise.all(children.map((child) => child.end()));
    await removeTopics(stage, begun.topics, run);
  }
}

function figures({ kafka, redis }: Stage, children: readonly Child[]) {
  const of = (pids: readonly number[]) => ({
    cpu: pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
    mib: pids.reduce((sum, pid) => sum + residentMib(pid).peak, 0),
  });
  return { subject: of(children.map(({ pid }) => pid)), broker: of([kafka.pid ?? 0]), redis: of([redis.pid ?? 0]) };
}

async function watch(
  stage: Stage,
  topic: LoadedTopic,
  { children, group }: Begun,
  first: number,
  onProgress: (records: number) => void,
): Promise<Times> {
  const [child] = children;
  if (group === undefined) {
    if (child === undefined) throw new Error('a subject without a process');
    const warm = await child.heard('warm');
    const end = await child.heard('end');
    return { first, warm: warm.time, end: end.time };
  }
  const { events } = topic.data;
  let warm: number | undefined;
  let before = { time: first, records: 0 };
  let moved = Date.now();
  for (;;) {
    const records = await committedRecords(stage, topic.name, group);
    const time = performance.timeOrigin + performance.now();
    if (warm === undefined && records >= events * WARM_SHARE) {
      // Between two looks the group moved evenly, as far as anyone can tell.
      const share = (events * WARM_SHARE - before.records) / (records - before.records);
      warm = before.time + (time - before.time) * share;
    }
    if (records > before.records) moved = Date.now();
    before = { time, records };
    onProgress(records);
    if (records >= events) return { first, warm: warm ?? first, end: time };
    const gone = children.find(({ isGone }) => isGone);
    if (gone !== undefined) throw gone.fault(`ended at ${records} of ${events} records`);
    if (Date.now() - moved > STALLED_MS) throw new Error(`no record was committed for ${STALLED_MS / 1000} s, at ${records} of ${events}`);
    await delay(POLL_MS);
  }
}

/** What a run made goes, so that the next one has the same disk and the same broker. */
async function removeTopics({ admin }: Stage, topics: readonly string[], run: string): Promise<void> {
  const all = await admin.listTopics();
  const made = all.filter((name) => topics.includes(name) || name.startsWith(`${run}-group`));
  if (made.length > 0) await admin.deleteTopics({ topics: made });
}

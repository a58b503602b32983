/** Events a second of the detector, beside reading and decoding alone, and beside Kafka Streams: same topic, same broker, in turn. */
import { type DataSet, dataSet } from '../data/data-file.ts';
import type { Plan } from '../plan.ts';
import { buildStreams } from '../subjects/streams-build.ts';
import { type Comparison, compare } from './compare.ts';
import { type ProfileShare, profileOf } from './profile.ts';
import { loadTopic, type Stage } from './stage.ts';
import { bareFetch, detector, kafkaStreams, logAlone, MAX_RECORDS, type Subject } from './subject.ts';

export interface Throughput extends Comparison {
  readonly data: Omit<DataSet, 'path' | 'answerPath'>;
  readonly partitions: number;
  readonly redisBytesPerLiveExecution: number | undefined;
  readonly profile: readonly ProfileShare[] | undefined;
}

const PARTITIONS = 6;
export const REPEATS = 0.1;
/** Where no detector has told the size of its alerts yet. */
const ALERT_BYTES = 900;

export async function measureThroughput(stage: Stage, plan: Plan): Promise<Throughput> {
  const { events, rounds, windows, streams, progress } = plan;
  const data = await dataSet(plan.data, { events, repeats: REPEATS }, (made) => progress.of('making events', made, events));
  progress.step(`${events} events, ${data.bytesPerValue} bytes each without key`);
  const topic = await loadTopic(stage, { name: 'bench-events', partitions: PARTITIONS, data }, (sent) =>
    progress.of('producing', sent, events),
  );
  let alertBytes = ALERT_BYTES;
  const [first = MAX_RECORDS, ...others] = plan.batches;
  const one = detector({ windows, maxRecords: first });
  const two = detector({ windows, maxRecords: first, processes: 2 });
  const variants = [...others.map((maxRecords) => detector({ windows, maxRecords })), two];
  const decode = bareFetch({ decode: true });
  const peers: Subject[] = [];
  if (streams !== undefined) {
    progress.step('building the Kafka Streams program');
    const setting = { build: await buildStreams(plan.data), threads: streams.threads, alertBytes: () => alertBytes };
    peers.push(kafkaStreams({ ...setting, store: 'window' }), kafkaStreams({ ...setting, store: 'keyvalue' }));
  }
  const all = [bareFetch({ decode: false }), decode, logAlone, one, ...variants, ...peers];
  const subjects = all.filter(({ name }) => plan.subjects?.some((part) => name.includes(part)) ?? true);
  const comparison = await compare(stage, topic, {
    subjects,
    rounds,
    ratios: [
      ...[decode, ...peers, ...variants].map(({ name }) => [one.name, name] as const),
      ...peers.map(({ name }) => [two.name, name] as const),
    ],
    label: 'throughput',
    progress,
    onRun({ subject, answer }) {
      if (subject === one.name && answer !== undefined) alertBytes = answer.bytesPerAlert;
    },
  });
  const { path: _path, answerPath: _answerPath, ...told } = data;
  const inRedis = comparison.runs.find(({ subject }) => subject === one.name)?.redisBytes ?? 0;
  return {
    ...comparison,
    data: told,
    partitions: PARTITIONS,
    redisBytesPerLiveExecution: windows === 'redis' ? Math.round(inRedis / data.executions) : undefined,
    profile: plan.profile === undefined ? undefined : await profiled(stage, plan, topic, plan.profile),
  };
}

/** One more run, with the processor's time sampled: a run that is no figure of speed. */
async function profiled(stage: Stage, plan: Plan, topic: Parameters<typeof compare>[1], folder: string): Promise<readonly ProfileShare[]> {
  const subject = detector({
    windows: plan.windows,
    profile: folder,
    ...(plan.batches[0] !== undefined && { maxRecords: plan.batches[0] }),
  });
  await compare(stage, topic, { subjects: [subject], rounds: 1, ratios: [], label: 'profiled', progress: plan.progress });
  return profileOf(folder);
}

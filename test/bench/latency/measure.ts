/** Time from an agent's call to its alert in a subscriber's hands, at a steady rate, all on this machine and its one clock. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, loadAverage, residentMib } from '../measure/process-figures.ts';
import { percentile } from '../measure/spread.ts';
import type { Plan } from '../plan.ts';
import { nodeChild } from '../subjects/child.ts';
import { committedRecords, createTopics, runFolder, type Stage } from '../throughput/stage.ts';
import { DETECTOR_FLAGS, MAX_RECORDS, WINDOW_MS } from '../throughput/subject.ts';

export interface Latency {
  readonly eventsPerSecond: number;
  readonly seconds: number;
  /** Repeated calls whose alert was waited for. */
  readonly samples: number;
  readonly missing: number;
  /** Events that the agent's buffer had no room for. */
  readonly dropped: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Share of a core. */
  readonly cpu: { readonly agent: number; readonly detector: number; readonly broker: number; readonly redis: number };
  readonly peakResidentMib: { readonly agent: number; readonly detector: number };
  readonly loadAverage: number;
}

const RATE = 2_000;
const PARTITIONS = 6;
/** The agent's own. */
const WARM_UP_SECONDS = 5;
/** For the last alerts to come, once all events are judged. */
const REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;

export async function measureLatency(stage: Stage, { windows, latencySeconds, progress }: Plan): Promise<Latency> {
  progress.step(`latency: ${RATE} events/s for ${latencySeconds} s`);
  const folder = runFolder(stage, 'latency');
  const [events, alerts, deadLetters] = ['latency-events', 'latency-alerts', 'latency-dead-letters'];
  await createTopics(stage, [events, alerts, deadLetters], PARTITIONS);
  await stage.redisClient.flushall();
  const brokers = ['--brokers', stage.kafka.brokers.join()];
  const program = (name: string) => join(import.meta.dirname, name);
  const files = { calls: join(folder, 'calls'), seen: join(folder, 'seen') };

  const subscriber = nodeChild(program('subscriber.ts'), [...brokers, '--topic', alerts, '--seen', files.seen]);
  const settings = [
    ...[...brokers, '--group', 'latency-group', '--events', events, '--alerts', alerts, '--dead-letters', deadLetters],
    ...['--windows', windows === 'redis' ? stage.redis.url : 'memory', '--window-ms', String(WINDOW_MS)],
    ...['--max-records', String(MAX_RECORDS)],
  ];
  const detector = nodeChild(program('../subjects/detector.ts'), settings, DETECTOR_FLAGS);
  await Promise.all([subscriber.heard('ready', 60_000), detector.heard('ready', 60_000)]);
  const agent = nodeChild(program('agent.ts'), [
    ...[...brokers, '--topic', events, '--rate', String(RATE), '--seconds', String(latencySeconds), '--calls', files.calls],
  ]);
  try {
    await agent.heard('first', 60_000);
    const pids = { agent: agent.pid, detector: detector.pid, broker: stage.kafka.pid ?? 0, redis: stage.redis.pid ?? 0 };
    const cpuOf = () => Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid)] as const);
    const before = new Map(cpuOf());
    const startedAt = performance.now();
    let ended = false;
    const end = agent.heard('end', (latencySeconds + 60) * 1000).finally(() => {
      ended = true;
    });
    let figures = { cpu: cpuOf(), agent: residentMib(agent.pid).peak, at: performance.now() };
    while (!ended) {
      await Promise.race([delay(500), end]);
      if (!ended) figures = { cpu: cpuOf(), agent: residentMib(agent.pid).peak, at: performance.now() };
      progress.of('latency, seconds', Math.round((performance.now() - startedAt) / 1000), latencySeconds + WARM_UP_SECONDS);
    }
    const said = await end;
    await untilJudged(stage, events, 'latency-group');
    const detectorMib = residentMib(detector.pid).peak;
    await subscriber.end();
    const cores = Object.fromEntries(
      figures.cpu.map(([name, seconds]) => [name, ((seconds - (before.get(name) ?? 0)) * 1000) / (figures.at - startedAt)]),
    ) as Latency['cpu'];
    return {
      eventsPerSecond: Math.round((Number(said.calls) * 2) / Number(said.seconds)),
      seconds: latencySeconds,
      ...waits(files),
      dropped: (said.counters as { readonly dropped: number }).dropped,
      cpu: cores,
      peakResidentMib: { agent: figures.agent, detector: detectorMib },
      loadAverage: loadAverage(),
    };
  } finally {
    await Promise.all([agent.end(), detector.end(), subscriber.end()]);
    await stage.admin.deleteTopics({ topics: [events, alerts, deadLetters] });
  }
}

/** Alerts that come late are late; they are not missing. */
async function untilJudged(stage: Stage, topic: string, group: string): Promise<void> {
  const deadline = performance.now() + LONGEST_REST_MS;
  const ends = await stage.admin.fetchTopicOffsets(topic);
  const high = ends.reduce((sum, each) => sum + Number(each.high), 0);
  while ((await committedRecords(stage, topic, group)) < high && performance.now() < deadline) await delay(100);
  await delay(REST_MS);
}

function waits({ calls, seen }: { readonly calls: string; readonly seen: string }) {
  const first = new Map<string, number>();
  for (const [execution, time] of linesOf(seen)) if (!first.has(execution)) first.set(execution, time);
  const called = linesOf(calls);
  const waited = called.flatMap(([execution, time]) => (first.get(execution) ?? Number.NaN) - time).filter((ms) => !Number.isNaN(ms));
  const sorted = waited.sort((a, b) => a - b);
  return {
    samples: sorted.length,
    missing: called.length - sorted.length,
    p50Ms: percentile(sorted, 0.5),
    p90Ms: percentile(sorted, 0.9),
    p99Ms: percentile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? Number.NaN,
  };
}

function linesOf(file: string): readonly (readonly [string, number])[] {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => [line.slice(0, line.indexOf(' ')), Number(line.slice(line.indexOf(' ') + 1))]);
}

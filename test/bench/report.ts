/** The figures as a person reads them. */
import type { Latency } from './latency/measure.ts';
import type { Spread } from './measure/spread.ts';
import { shown, tableOf } from './measure/table.ts';
import type { PartFigures } from './parts.ts';
import type { Scaling, ScalingPoint } from './scaling.ts';
import type { Throughput } from './throughput/measure-throughput.ts';

export interface Result {
  readonly machine: { readonly cores: number; readonly processor: string; readonly memoryMib: number; readonly node: string };
  readonly throughput?: Throughput;
  readonly latency?: Latency;
  readonly scaling?: Scaling;
  readonly parts?: readonly PartFigures[];
}

export function reportOf({ machine, throughput, latency, scaling, parts }: Result): string {
  const { cores, processor, memoryMib, node } = machine;
  return [
    `${cores} cores (${processor}), ${shown(memoryMib)} MiB, Node ${node}; broker, Redis and what is measured on the same machine.`,
    ...(throughput === undefined ? [] : throughputText(throughput)),
    ...(latency === undefined ? [] : [latencyText(latency)]),
    ...(scaling === undefined ? [] : scalingText(scaling)),
    ...(parts === undefined ? [] : [partsText(parts)]),
  ].join('\n\n');
}

const spread = ({ median, min, max }: Spread) => `${shown(median)} (${shown(min)}–${shown(max)})`;

function throughputText({ data, partitions, subjects, ratios, runs, redisBytesPerLiveExecution, profile }: Throughput): readonly string[] {
  const alerts = runs.find(({ answer }) => answer !== undefined)?.answer;
  const figures = tableOf([
    ['', 'events/s', 'warm events/s', 'CPU s/M', 'broker', 'Redis', 'RSS MiB', 'broker', 'Redis'],
    ...subjects.map(({ subject, eventsPerSecond, warmEventsPerSecond, cpuSecondsPerMillion: cpu, peakResidentMib: mib }) => [
      subject,
      spread(eventsPerSecond),
      spread(warmEventsPerSecond),
      ...[cpu.subject, cpu.broker, cpu.redis, mib.subject, mib.broker, mib.redis].map(shown),
    ]),
  ]);
  const ratioTable = tableOf([
    ['events/s of one round, as a ratio', 'whole run', 'warm'],
    ...ratios.map(({ of, to, whole, warm }) => [`${of} : ${to}`, spread(whole), spread(warm)]),
  ]);
  return [
    `${shown(data.events)} events (${shown(data.toolCallEvents)} of tool calls, ${shown(data.retrievalEvents)} retrievals, ${shown(data.runEvents)} of runs; ` +
      `${shown(data.executions)} executions, ${shown(data.repeats)} of them repeats; ${shown(data.redeliveries)} redeliveries) of ${shown(data.workflows)} workflows, ` +
      `${data.bytesPerValue} bytes each, ${partitions} partitions. Median (least–most); warm: the last three quarters of the records.` +
      (alerts === undefined ? '' : ` Each answer checked: ${shown(alerts.found)} repeats, none missing, none more, none twice.`),
    figures,
    ratioTable,
    ...(redisBytesPerLiveExecution === undefined ? [] : [`Redis: ${redisBytesPerLiveExecution} bytes per live execution.`]),
    ...(profile === undefined ? [] : [profileText(profile)]),
  ];
}

function profileText(profile: NonNullable<Throughput['profile']>): string {
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  return tableOf([
    ['self time of the detector', 'share', 'most of it in'],
    ...profile.map(({ module, share, functions }) => [
      module,
      percent(share),
      functions.map((each) => `${each.name} ${percent(each.share)}`).join(', '),
    ]),
  ]);
}

function latencyText({ eventsPerSecond, seconds, samples, missing, dropped, p50Ms, p90Ms, p99Ms, maxMs, cpu }: Latency): string {
  const cores = Object.entries(cpu).map(([name, share]) => `${name} ${share.toFixed(2)}`);
  return (
    `From an agent's call to its alert at a read_committed subscriber, ${shown(eventsPerSecond)} events/s for ${seconds} s: ` +
    `p50 ${shown(p50Ms)} ms, p90 ${shown(p90Ms)} ms, p99 ${shown(p99Ms)} ms, at most ${shown(maxMs)} ms ` +
    `(${shown(samples)} alerts, ${missing} missing, ${dropped} events dropped by the agent; cores in use: ${cores.join(', ')}).`
  );
}

function scalingText({ byPartitions, byWorkflows }: Scaling): readonly string[] {
  const row = ({ partitions, workflows, events, redisBytesPerLiveExecution, figures }: ScalingPoint) => [
    figures.subject,
    ...[partitions, workflows, events].map(shown),
    shown(figures.eventsPerSecond.median),
    shown(figures.warmEventsPerSecond.median),
    shown(redisBytesPerLiveExecution),
    shown(figures.peakResidentMib.subject),
  ];
  const head = ['', 'partitions', 'workflows', 'events', 'events/s', 'warm', 'Redis bytes/execution', 'RSS MiB'];
  return [
    tableOf([['scaling by partitions', ...head.slice(1)], ...byPartitions.map(row)]),
    tableOf([['scaling by live workflows', ...head.slice(1)], ...byWorkflows.map(row)]),
  ];
}

function partsText(parts: readonly PartFigures[]): string {
  return parts
    .map(({ part, command, figures }) => {
      const lines = Array.isArray(figures) ? figures.map(String) : JSON.stringify(figures, null, 2).split('\n');
      return [`${part} (${command})`, ...lines.map((line) => `  ${line}`)].join('\n');
    })
    .join('\n\n');
}

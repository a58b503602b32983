/** For those who run the pipeline: does it keep up, does it lose anything, what does it wait for. */
import { ANY_IS_BAD, ANY_IS_ODD, type Dashboard, type Panel, type Threshold, type Variable } from './panel.ts';

const SPAN = `fromMs = \${__from}, toMs = \${__to}`;
const OF_PROCESS = `$__conditionalAll(hex(process) IN (\${process:singlequote}), $process)`;

const variables: readonly Variable[] = [
  {
    kind: 'query',
    name: 'process',
    label: 'Process',
    description: 'Processes with samples in the span, by the names that they give themselves. Values are names in hex.',
    sql: `SELECT DISTINCT hex(process) AS __value, concat(kind, ' ', process) AS __text
FROM operational_samples
WHERE $__timeFilter(time)
ORDER BY __text`,
  },
];

/** What counters added in the span, all processes and partitions together. */
function added(metrics: readonly string[]): string {
  return `dashboard_counted(metrics = [${metrics.map((metric) => `'${metric}'`).join(', ')}], ${SPAN})`;
}

function countStat(title: string, description: string, sql: string, thresholds: readonly Threshold[], unit = 'short'): Panel {
  return { kind: 'stat', title, description, unit, width: 4, height: 4, thresholds, query: { shape: 'table', sql } };
}

/** The sum over partitions and processes of what each said last. */
function latest(metric: string): string {
  return `SELECT sum(last) AS value
FROM (
  SELECT argMax(value, time) AS last
  FROM operational_samples
  WHERE metric = '${metric}' AND $__timeFilter(time) AND ${OF_PROCESS}
  GROUP BY kind, process, partition
  HAVING max(time) >= $__toTime - INTERVAL 60 SECOND
)`;
}

interface Lines {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly sql: string;
  readonly width?: number;
  readonly style?: 'line' | 'area' | 'bars';
  readonly stacked?: boolean;
  readonly thresholds?: readonly Threshold[];
}

function lines({ sql, width = 12, ...rest }: Lines): Panel {
  return { kind: 'lines', width, height: 8, query: { shape: 'time', sql }, ...rest };
}

/** A gauge as it stood, drawn a series for each name. */
function gauge(metrics: readonly string[], series: string, of = 'max(value)'): string {
  return `SELECT $__timeInterval(time) AS time, ${series} AS series, ${of} AS value
FROM operational_samples
WHERE metric IN (${metrics.map((metric) => `'${metric}'`).join(', ')}) AND $__timeFilter(time) AND ${OF_PROCESS}
GROUP BY time, series
ORDER BY time, series`;
}

/** A counter as what it adds each second. */
function rate(metrics: readonly string[], series: string): string {
  return `SELECT $__timeInterval(time) AS time, ${series} AS series, sum(added) / $__interval_s AS value
FROM ${added(metrics)}
WHERE ${OF_PROCESS}
GROUP BY time, series
ORDER BY time, series`;
}

/** A counter as what it adds in each bucket: for what is rare. */
function occurrences(metrics: readonly string[], series: string): string {
  return `SELECT $__timeInterval(time) AS time, ${series} AS series, sum(added) AS value
FROM ${added(metrics)}
WHERE ${OF_PROCESS}
GROUP BY time, series
ORDER BY time, series`;
}

const LATE: readonly Threshold[] = [
  { from: null, color: 'green' },
  { from: 10_000, color: 'orange' },
  { from: 100_000, color: 'red' },
];
const SLOW_BATCH: readonly Threshold[] = [
  { from: null, color: 'green' },
  { from: 1_000, color: 'orange' },
  { from: 5_000, color: 'red' },
];

const state: readonly Panel[] = [
  countStat(
    'Detector lag',
    'Events in the log that are not judged yet, all partitions. Growing: add detectors, up to one a partition.',
    latest('lag'),
    LATE,
  ),
  countStat(
    'Sink backlog',
    'Records in the log that are not in ClickHouse yet. They wait in Kafka, for its retention; alerts do not wait for them.',
    latest('backlog'),
    LATE,
  ),
  countStat(
    'Dead letters',
    'Records that could not be judged, in the span. Each names its reason: mend their sender.',
    `SELECT count() AS value FROM dashboard_dead_letters(${SPAN})`,
    ANY_IS_BAD,
  ),
  countStat(
    'Missing sequence numbers',
    'Events that emitters numbered and that never came, in the span: dropped by a full buffer, or by a process that died. No alert means nothing for them.',
    `SELECT sum(missing) AS value FROM dashboard_sequence_gaps(${SPAN})`,
    ANY_IS_BAD,
  ),
  countStat(
    'Windows rebuilt',
    'Windows that were lost and filled again from the log, in the span. One at a start is ordinary where windows are in memory.',
    `SELECT sum(added) AS value FROM ${added(['rebuilds'])} WHERE ${OF_PROCESS}`,
    ANY_IS_ODD,
  ),
  countStat(
    'Missed by retention',
    'Records that the log had deleted before they were judged, in the span. Lengthen the retention of the events topic, or keep up.',
    `SELECT sum(added) AS value FROM ${added(['missed'])} WHERE ${OF_PROCESS}`,
    ANY_IS_BAD,
  ),
];

const detector: readonly Panel[] = [
  lines({
    title: 'Events judged',
    description: 'Events judged a second, by process. Redeliveries are left out.',
    unit: 'eps',
    style: 'area',
    stacked: true,
    sql: rate(['events_judged'], 'process'),
  }),
  lines({
    title: 'Lag by partition',
    description: 'Events not judged yet. One partition that lags alone has a hot workflow, or an owner that waits.',
    unit: 'short',
    thresholds: LATE,
    sql: gauge(['lag'], "concat('partition ', toString(partition))", 'max(value)'),
  }),
  lines({
    title: 'Batch and commit time',
    description:
      'How long a batch takes as a whole, and its commit of alerts, dead letters and offset. Near the session timeout a partition would be lost.',
    unit: 'ms',
    thresholds: SLOW_BATCH,
    sql: gauge(['batch_ms_p50', 'batch_ms_p99', 'commit_ms_p50', 'commit_ms_p99'], "replaceAll(toString(metric), '_ms_', ' ')"),
  }),
  lines({
    title: 'Alerts and redeliveries',
    description:
      'Alert revisions published, and records that came again, a second. Redeliveries follow a rebalance or a resend; they count once.',
    unit: 'cps',
    sql: rate(['alerts_published', 'redeliveries'], "replaceAll(toString(metric), '_', ' ')"),
  }),
  lines({
    title: 'Take-overs, rebuilds, commits in doubt',
    description: 'Take-overs come with every rebalance. Rebuilds mean that windows were lost. Many commits in doubt: look at the brokers.',
    unit: 'short',
    style: 'bars',
    stacked: true,
    sql: occurrences(['take_overs', 'rebuilds', 'in_doubt'], "replaceAll(toString(metric), '_', ' ')"),
  }),
  lines({
    title: 'Window bytes',
    description: 'What the windows take, in memory or in Redis. It follows the events of a window; Redis must never evict.',
    unit: 'bytes',
    style: 'area',
    sql: gauge(['window_bytes'], 'process'),
  }),
];

const deadLetters: readonly Panel[] = [
  {
    kind: 'lines',
    title: 'Dead letters by reason',
    description: 'Records that could not be judged, at the time that they were put aside.',
    unit: 'short',
    width: 12,
    height: 8,
    style: 'bars',
    stacked: true,
    query: {
      shape: 'time',
      sql: `SELECT $__timeInterval(recordTime) AS time, toString(reason) AS reason, count() AS records
FROM dashboard_dead_letters(${SPAN})
GROUP BY time, reason
ORDER BY time, reason`,
    },
  },
  {
    kind: 'table',
    title: 'Gaps in sequences',
    description:
      'Numbers that are missing between an emitter’s events of the span, the latest first. A gap that closes later was late, not lost.',
    unit: 'short',
    width: 12,
    height: 8,
    fields: [
      { name: 'seen after', unit: 'dateTimeAsIso', width: 165 },
      {
        name: 'missing',
        width: 90,
        background: true,
        thresholds: [
          { from: null, color: 'semi-dark-orange' },
          { from: 100, color: 'semi-dark-red' },
        ],
      },
    ],
    query: {
      shape: 'table',
      sql: `SELECT logTime AS "seen after", tenantId AS tenant, toString(emitterId) AS emitter, first, last, missing
FROM dashboard_sequence_gaps(${SPAN})
ORDER BY "seen after" DESC
LIMIT 200`,
    },
  },
];

const lineage: readonly Panel[] = [
  lines({
    title: 'Rows inserted',
    description: 'Rows that ClickHouse acknowledged, a second, by sink.',
    unit: 'rowsps',
    width: 8,
    style: 'area',
    stacked: true,
    sql: rate(['rows_inserted'], 'process'),
  }),
  lines({
    title: 'Backlog',
    description: 'Records in the log that are not in ClickHouse yet.',
    unit: 'short',
    width: 8,
    thresholds: LATE,
    sql: gauge(['backlog'], 'process'),
  }),
  lines({
    title: 'From log to lineage',
    description: 'How long events took from the log to ClickHouse. Half a second is the sink’s waiting for company.',
    unit: 'ms',
    width: 8,
    sql: `SELECT $__timeInterval(recordTime) AS time, quantile(0.5)(waitedMs) AS median, quantile(0.99)(waitedMs) AS p99
FROM dashboard_arrivals(${SPAN})
GROUP BY time
ORDER BY time`,
  }),
  lines({
    title: 'Events appended',
    description: 'Events of each kind by the time at which the log took them, a second: what agents send, whoever has judged it.',
    unit: 'eps',
    width: 8,
    style: 'area',
    stacked: true,
    sql: `SELECT $__timeInterval(recordTime) AS time, kind, count() / $__interval_s AS value
FROM dashboard_arrivals(${SPAN})
GROUP BY time, kind
ORDER BY time, kind`,
  }),
  lines({
    title: 'Gateway',
    description: 'Events that the gateway accepted and requests that it refused, a second.',
    unit: 'cps',
    width: 8,
    sql: rate(['events_accepted', 'requests_refused'], "replaceAll(toString(metric), '_', ' ')"),
  }),
  lines({
    title: 'Refused and given up',
    description:
      'Rows that ClickHouse refuses for good (they are dead letters), records that the detector dead-lettered, and samples that were given up.',
    unit: 'short',
    width: 8,
    style: 'bars',
    stacked: true,
    sql: occurrences(['rows_refused', 'dead_letters', 'samples_dropped'], "replaceAll(toString(metric), '_', ' ')"),
  }),
];

const processes: readonly Panel[] = [
  lines({
    title: 'Memory',
    description: 'Resident memory of each process.',
    unit: 'bytes',
    sql: gauge(['resident_bytes'], "concat(kind, ' ', process)"),
  }),
  {
    kind: 'table',
    title: 'Processes',
    description: 'Who wrote samples in the span, and when last. One that has stopped writing is gone, or cannot reach ClickHouse.',
    unit: 'short',
    width: 12,
    height: 8,
    fields: [
      { name: 'last sample', unit: 'dateTimeAsIso', width: 165 },
      {
        name: 'silent',
        unit: 's',
        width: 90,
        background: true,
        thresholds: [
          { from: null, color: 'text' },
          { from: 60, color: 'semi-dark-orange' },
        ],
      },
    ],
    query: {
      shape: 'table',
      sql: `SELECT kind, process, max(time) AS "last sample", dateDiff('second', "last sample", $__toTime) AS silent
FROM operational_samples
WHERE $__timeFilter(time) AND ${OF_PROCESS}
GROUP BY kind, process
ORDER BY kind, process`,
    },
  },
];

export const OPERATORS: Dashboard = {
  uid: 'idemtrace-operators',
  title: 'idemtrace · Pipeline',
  description: 'Does the pipeline keep up, does it lose anything, what does it wait for. Of all tenants: for operators.',
  tags: ['idemtrace'],
  from: 'now-6h',
  refresh: '30s',
  variables,
  sections: [
    { title: 'Now', panels: state },
    { title: 'Detector', panels: detector },
    { title: 'What is missing', panels: deadLetters },
    { title: 'Lineage and gateway', panels: lineage },
    { title: 'Processes', panels: processes },
  ],
};

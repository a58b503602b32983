/** For those who run the pipeline: does it keep up, does it lose anything, what does it wait for. */
import { LINEAGE, MISSING, PROCESSES } from './operator-lineage.ts';
import { added, gauge, LATE, latest, lines, OF_PROCESS, occurrences, rate, SPAN } from './operator-queries.ts';
import { ANY_IS_BAD, ANY_IS_ODD, type Dashboard, type Panel, type Threshold, type Variable } from './panel.ts';

const variables: readonly Variable[] = [
  {
    kind: 'query',
    name: 'process',
    label: 'Process',
    description: 'Processes with samples in the span, by the names that they give themselves. Values are names in hex.',
    sql: `SELECT hex(process) AS __value, concat(process, ' (', arrayStringConcat(arraySort(groupUniqArray(toString(kind))), ', '), ')') AS __text
FROM operational_samples
WHERE $__timeFilter(time)
GROUP BY process
ORDER BY __text`,
  },
];

function countStat(title: string, description: string, sql: string, thresholds: readonly Threshold[], unit = 'short'): Panel {
  return { kind: 'stat', title, description, unit, width: 4, height: 4, thresholds, query: { shape: 'table', sql } };
}

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
    { title: 'What is missing', panels: MISSING },
    { title: 'Lineage and gateway', panels: LINEAGE },
    { title: 'Processes', panels: PROCESSES },
  ],
};

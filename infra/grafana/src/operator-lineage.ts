/** The operators' panels about what is missing, the lineage, and the processes. */
import { gauge, LATE, lines, OF_PROCESS, occurrences, rate, SPAN } from './operator-queries.ts';
import type { Panel } from './panel.ts';

/** What never arrived, or could not be judged. */
export const MISSING: readonly Panel[] = [
  {
    kind: 'lines',
    title: 'Dead letters by reason',
    description: 'Records that could not be judged, at the time that they were put aside.',
    unit: 'short',
    width: 12,
    height: 8,
    style: 'bars',
    stacked: true,
    series: 'reason',
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

/** The sink, and what agents send. */
export const LINEAGE: readonly Panel[] = [
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
    sql: `SELECT $__timeInterval(recordTime) AS time, kind AS series, count() / $__interval_s AS value
FROM dashboard_arrivals(${SPAN})
GROUP BY time, series
ORDER BY time, series`,
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

export const PROCESSES: readonly Panel[] = [
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

/** SQL of the operators' panels: samples of the processes, as they stood and as they were counted up. */
import type { Panel, Threshold } from './panel.ts';

export const SPAN = `fromMs = \${__from}, toMs = \${__to}`;
export const OF_PROCESS = `$__conditionalAll(hex(process) IN (\${process:singlequote}), $process)`;

/** What counters added in the span, all processes and partitions together. */
export function added(metrics: readonly string[]): string {
  return `dashboard_counted(metrics = [${metrics.map((metric) => `'${metric}'`).join(', ')}], ${SPAN})`;
}

/** What was said last, summed over partitions. Every process of a kind speaks for the whole group: the highest of them holds. */
export function latest(metric: string): string {
  return `SELECT sum(highest) AS value
FROM (
  SELECT partition, max(last) AS highest
  FROM (
    SELECT partition, argMax(value, time) AS last
    FROM operational_samples
    WHERE metric = '${metric}' AND $__timeFilter(time) AND ${OF_PROCESS}
    GROUP BY process, partition
    HAVING max(time) >= $__toTime - INTERVAL 60 SECOND
  )
  GROUP BY partition
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

export function lines({ sql, width = 12, ...rest }: Lines): Panel {
  const series = / AS series,/.test(sql) ? { series: 'series' } : {};
  return { kind: 'lines', width, height: 8, query: { shape: 'time', sql }, ...series, ...rest };
}

/** A gauge as it stood, drawn a series for each name. */
export function gauge(metrics: readonly string[], series: string, of = 'max(value)'): string {
  return `SELECT $__timeInterval(time) AS time, ${series} AS series, ${of} AS value
FROM operational_samples
WHERE metric IN (${metrics.map((metric) => `'${metric}'`).join(', ')}) AND $__timeFilter(time) AND ${OF_PROCESS}
GROUP BY time, series
ORDER BY time, series`;
}

/** A counter as what it adds each second. */
export function rate(metrics: readonly string[], series: string): string {
  return `SELECT $__timeInterval(time) AS time, ${series} AS series, sum(added) / $__interval_s AS value
FROM ${added(metrics)}
WHERE ${OF_PROCESS}
GROUP BY time, series
ORDER BY time, series`;
}

/** A counter as what it adds in each bucket: for what is rare. */
export function occurrences(metrics: readonly string[], series: string): string {
  return `SELECT $__timeInterval(time) AS time, ${series} AS series, sum(added) AS value
FROM ${added(metrics)}
WHERE ${OF_PROCESS}
GROUP BY time, series
ORDER BY time, series`;
}

/** Records that wait. */
export const LATE: readonly Threshold[] = [
  { from: null, color: 'green' },
  { from: 10_000, color: 'orange' },
  { from: 100_000, color: 'red' },
];

/** What processes say of themselves in `operational_samples`: the one list, for writers, dashboards and readers. */

export type ProcessKind = 'detector' | 'lineage-sink' | 'gateway';

export interface SampleMetric {
  /** `gauge`: as it stands. `counter`: counted up since the process started; a dashboard takes differences, and a fall is a restart. */
  readonly type: 'gauge' | 'counter';
  readonly unit: 'records' | 'rows' | 'events' | 'requests' | 'samples' | 'times' | 'ms' | 'bytes';
  /** One value a partition, or one a process. */
  readonly per: 'partition' | 'process';
  /** Which processes say it. */
  readonly of: ProcessKind | 'every process';
  readonly meaning: string;
}

export const SAMPLE_METRICS = {
  events_judged: { type: 'counter', unit: 'events', per: 'process', of: 'detector', meaning: 'Events judged, redeliveries left out' },
  redeliveries: { type: 'counter', unit: 'records', per: 'process', of: 'detector', meaning: 'Records that had been judged before' },
  alerts_published: { type: 'counter', unit: 'records', per: 'process', of: 'detector', meaning: 'Revisions of alerts published' },
  dead_letters: { type: 'counter', unit: 'records', per: 'process', of: 'detector', meaning: 'Records that could not be judged' },
  lag: {
    type: 'gauge',
    unit: 'records',
    per: 'partition',
    of: 'detector',
    meaning: 'Records in the log that the group has not judged yet',
  },
  batch_ms_p50: { type: 'gauge', unit: 'ms', per: 'process', of: 'detector', meaning: 'Median time of a batch since the last sample' },
  batch_ms_p99: {
    type: 'gauge',
    unit: 'ms',
    per: 'process',
    of: 'detector',
    meaning: '99th percentile of a batch’s time since the last sample',
  },
  commit_ms_p50: { type: 'gauge', unit: 'ms', per: 'process', of: 'detector', meaning: 'Median time of a commit of alerts and offset' },
  commit_ms_p99: { type: 'gauge', unit: 'ms', per: 'process', of: 'detector', meaning: '99th percentile of a commit’s time' },
  take_overs: { type: 'counter', unit: 'times', per: 'process', of: 'detector', meaning: 'Partitions taken over' },
  rebuilds: { type: 'counter', unit: 'times', per: 'process', of: 'detector', meaning: 'Windows rebuilt from the log' },
  in_doubt: { type: 'counter', unit: 'times', per: 'process', of: 'detector', meaning: 'Commits whose outcome had to be looked up' },
  missed: {
    type: 'counter',
    unit: 'records',
    per: 'process',
    of: 'detector',
    meaning: 'Records that the log had deleted before they were judged',
  },
  window_bytes: { type: 'gauge', unit: 'bytes', per: 'process', of: 'detector', meaning: 'What the windows take, in memory or in Redis' },
  backlog: {
    type: 'gauge',
    unit: 'records',
    per: 'process',
    of: 'lineage-sink',
    meaning: 'Records in the log that the group has not put into ClickHouse yet',
  },
  rows_inserted: { type: 'counter', unit: 'rows', per: 'process', of: 'lineage-sink', meaning: 'Rows that ClickHouse acknowledged' },
  rows_refused: { type: 'counter', unit: 'rows', per: 'process', of: 'lineage-sink', meaning: 'Rows that ClickHouse refuses for good' },
  events_accepted: { type: 'counter', unit: 'events', per: 'process', of: 'gateway', meaning: 'Events that the log acknowledged' },
  requests_refused: { type: 'counter', unit: 'requests', per: 'process', of: 'gateway', meaning: 'Requests answered with 4xx or 5xx' },
  samples_dropped: {
    type: 'counter',
    unit: 'samples',
    per: 'process',
    of: 'every process',
    meaning: 'Samples given up: ClickHouse was away or slow',
  },
  resident_bytes: { type: 'gauge', unit: 'bytes', per: 'process', of: 'every process', meaning: 'Resident memory' },
} as const satisfies Readonly<Record<string, SampleMetric>>;

export type SampleMetricName = keyof typeof SAMPLE_METRICS;

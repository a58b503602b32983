/**
 * Every metric that idemtrace reports: the one table. Instruments are made from it, `docs/telemetry.md` lists it, and what is measured does not
 * compile until it is in it. No attribute names a tenant, a workflow or anything else without bound.
 */

import type { Metric, Part } from './metric.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const RECORDS = [1, 5, 10, 50, 100, 250, 500, 1_000, 5_000, 10_000];

export const METRICS = {
  'idemtrace.detector.events': {
    part: 'detector',
    instrument: 'counter',
    unit: '{event}',
    attributes: {},
    meaning: 'Events judged; a batch whose commit was in doubt is judged, and counted, again',
  },
  'idemtrace.detector.redeliveries': {
    part: 'detector',
    instrument: 'counter',
    unit: '{record}',
    attributes: {},
    meaning: 'Records of events that had been judged before',
  },
  'idemtrace.detector.alerts': {
    part: 'detector',
    instrument: 'counter',
    unit: '{alert}',
    attributes: { 'idemtrace.rule': 'Name of the rule', 'idemtrace.severity': '`info`, `warning` or `critical`' },
    meaning: 'Alerts published, every revision counted',
  },
  'idemtrace.detector.dead_letters': {
    part: 'detector',
    instrument: 'counter',
    unit: '{record}',
    attributes: { 'idemtrace.reason': 'Reason of the dead letter' },
    meaning: 'Records that could not be judged',
  },
  'idemtrace.detector.lag': {
    part: 'detector',
    instrument: 'gauge',
    unit: '{record}',
    attributes: { 'idemtrace.partition': 'Number of the partition' },
    meaning: 'Records in the log that the group has not judged; every detector reports all partitions: take the highest',
  },
  'idemtrace.detector.ready': {
    part: 'detector',
    instrument: 'gauge',
    unit: '1',
    attributes: {},
    meaning: '0 while it waits for something that is away',
  },
  'idemtrace.detector.replayed': {
    part: 'detector',
    instrument: 'counter',
    unit: '{record}',
    attributes: {},
    meaning: 'Records read again to rebuild windows',
  },
  'idemtrace.detector.take_overs': {
    part: 'detector',
    instrument: 'counter',
    unit: '{take-over}',
    attributes: {},
    meaning: 'Partitions taken over: a rebalance, a lost window, a commit in doubt',
  },
  'idemtrace.detector.rebuilds': {
    part: 'detector',
    instrument: 'counter',
    unit: '{rebuild}',
    attributes: {},
    meaning: 'Windows rebuilt from the log',
  },
  'idemtrace.detector.commits_in_doubt': {
    part: 'detector',
    instrument: 'counter',
    unit: '{commit}',
    attributes: {},
    meaning: 'Commits whose outcome had to be looked up',
  },
  'idemtrace.detector.fenced': {
    part: 'detector',
    instrument: 'counter',
    unit: '{partition}',
    attributes: {},
    meaning: 'Partitions lost to another detector while a batch was under way',
  },
  'idemtrace.detector.missed': {
    part: 'detector',
    instrument: 'counter',
    unit: '{record}',
    attributes: {},
    meaning: 'Records that the log had deleted before they were judged',
  },
  'idemtrace.detector.batch.duration': {
    part: 'detector',
    instrument: 'histogram',
    unit: 's',
    attributes: { 'idemtrace.outcome': '`committed`, `fenced` or `inDoubt`' },
    meaning: 'A batch from its records to its commit, waiting for what was away included',
    buckets: SECONDS,
  },
  'idemtrace.detector.batch.records': {
    part: 'detector',
    instrument: 'histogram',
    unit: '{record}',
    attributes: {},
    meaning: 'Records of a batch',
    buckets: RECORDS,
  },
  'idemtrace.detector.window.duration': {
    part: 'detector',
    instrument: 'histogram',
    unit: 's',
    attributes: {},
    meaning: 'The window store’s part of a batch',
    buckets: SECONDS,
  },
  'idemtrace.detector.judge.duration': {
    part: 'detector',
    instrument: 'histogram',
    unit: 's',
    attributes: {},
    meaning: 'Judging’s part of a batch',
    buckets: SECONDS,
  },
  'idemtrace.detector.commit.duration': {
    part: 'detector',
    instrument: 'histogram',
    unit: 's',
    attributes: {},
    meaning: 'The transaction of a batch’s alerts, dead letters and offset',
    buckets: SECONDS,
  },
  'idemtrace.detector.window.size': {
    part: 'detector',
    instrument: 'gauge',
    unit: 'By',
    attributes: {},
    meaning: 'Memory of the windows: of the thread that holds them, or of Redis',
  },
  'idemtrace.policy.info': {
    part: 'detector',
    instrument: 'gauge',
    unit: '1',
    attributes: { 'idemtrace.policy.version': 'Version of the policy in force' },
    meaning: 'Always 1: which policy judges',
  },
  'idemtrace.policy.changes': {
    part: 'detector',
    instrument: 'counter',
    unit: '{change}',
    attributes: { 'idemtrace.change': '`reloaded`, `broken` or `unreadable`' },
    meaning: 'Changes of the policy’s file; after a broken or unreadable one the policy before stays in force',
  },
  'idemtrace.lineage.rows': {
    part: 'lineage-sink',
    instrument: 'counter',
    unit: '{row}',
    attributes: { 'idemtrace.table': 'Name of the table' },
    meaning: 'Rows that ClickHouse acknowledged; rows that came again are counted again',
  },
  'idemtrace.lineage.skipped': {
    part: 'lineage-sink',
    instrument: 'counter',
    unit: '{record}',
    attributes: {},
    meaning: 'Records passed over because they cannot be decoded',
  },
  'idemtrace.lineage.refused': {
    part: 'lineage-sink',
    instrument: 'counter',
    unit: '{row}',
    attributes: {},
    meaning: 'Rows that ClickHouse refuses for good',
  },
  'idemtrace.lineage.backlog': {
    part: 'lineage-sink',
    instrument: 'gauge',
    unit: '{record}',
    attributes: {},
    meaning: 'Records in the log that are not in ClickHouse; every sink reports that of the group: take the highest',
  },
  'idemtrace.lineage.healthy': {
    part: 'lineage-sink',
    instrument: 'gauge',
    unit: '1',
    attributes: {},
    meaning: '0 from a failure until the next insert went through',
  },
  'idemtrace.lineage.insert.duration': {
    part: 'lineage-sink',
    instrument: 'histogram',
    unit: 's',
    attributes: { 'idemtrace.table': 'Name of the table' },
    meaning: 'An insert until ClickHouse acknowledged it, tries that failed included',
    buckets: SECONDS,
  },
  'idemtrace.lineage.missing_events': {
    part: 'lineage-sink',
    instrument: 'gauge',
    unit: '{event}',
    attributes: {},
    meaning: 'Numbers missing in the emitters’ sequences of late: events that agents dropped, or that are late',
  },
  'idemtrace.gateway.requests': {
    part: 'gateway',
    instrument: 'counter',
    unit: '{request}',
    attributes: { 'http.response.status_code': 'Status of the answer' },
    meaning: 'Requests to `POST /v1/events`',
  },
  'idemtrace.gateway.events': {
    part: 'gateway',
    instrument: 'counter',
    unit: '{event}',
    attributes: {},
    meaning: 'Events that the log acknowledged',
  },
  'idemtrace.gateway.under_way': {
    part: 'gateway',
    instrument: 'gauge',
    unit: '{request}',
    attributes: {},
    meaning: 'Requests whose body is read or whose batch the log has not acknowledged',
  },
  'idemtrace.gateway.request.duration': {
    part: 'gateway',
    instrument: 'histogram',
    unit: 's',
    attributes: { 'http.response.status_code': 'Status of the answer', 'idemtrace.format': '`json`, `avro` or `other`' },
    meaning: 'From the request’s headers to its answer',
    buckets: SECONDS,
  },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof METRICS;
type Of<P extends Part, I extends Metric['instrument']> = {
  [N in MetricName]: (typeof METRICS)[N] extends { readonly part: P; readonly instrument: I } ? N : never;
}[MetricName];

/** Counters and gauges of a part. */
export type ReadMetric<P extends Part> = Of<P, 'counter' | 'gauge'>;
/** Histograms of a part. */
export type RecordedMetric<P extends Part> = Of<P, 'histogram'>;
export type AttributesOf<N extends MetricName> = { readonly [A in keyof (typeof METRICS)[N]['attributes']]: string | number };

export const metricNames = Object.keys(METRICS) as readonly MetricName[];

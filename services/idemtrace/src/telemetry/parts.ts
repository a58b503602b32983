/** What each part of the pipeline is measured by. */
import type { BatchReport, DetectorObserver, DetectorStatus } from '@idemtrace/detector';
import type { AnsweredRequest, GatewayStatus } from '@idemtrace/gateway';
import type { SinkStatus } from '@idemtrace/lineage';
import type { Meter, Tracer } from '@opentelemetry/api';
import { AlertSpans } from './alert-spans.ts';
import { type Observation, observe, recorders } from './instruments.ts';
import type { MetricName } from './metrics.ts';

/** What the pipeline is asked for whenever metrics are exported. */
export interface DetectorReadings {
  status(): DetectorStatus;
  /** Records not judged yet, by partition. */
  lag(): Promise<readonly number[]>;
  /** What the windows take, in bytes; undefined where nobody knows. */
  windowBytes(): number | undefined | Promise<number | undefined>;
  policyVersion(): string;
}

export interface DetectorTelemetry {
  /** For `startDetector`. */
  readonly observer: DetectorObserver;
  /** To be told what became of a policy file that changed. */
  policyChanged(change: { readonly kind: 'reloaded' | 'broken' | 'unreadable' }): void;
  /** To be called once, when the detector is there to be read. */
  read(readings: DetectorReadings): void;
}

const observations = <N extends MetricName>(values: readonly Observation<N>[]) => values;
const inSeconds = (ms: number) => ms / 1000;

export function detectorTelemetry(meter: Meter, tracer: Tracer): DetectorTelemetry {
  const record = recorders(meter, 'detector');
  const spans = new AlertSpans(tracer);
  const changes = { reloaded: 0, broken: 0, unreadable: 0 };
  return {
    observer: {
      traceAlert: spans.traceAlert,
      onBatch(report: BatchReport) {
        record['idemtrace.detector.batch.duration'](inSeconds(report.batchMs), { 'idemtrace.outcome': report.outcome });
        record['idemtrace.detector.batch.records'](report.records, {});
        record['idemtrace.detector.window.duration'](inSeconds(report.windowMs), {});
        record['idemtrace.detector.judge.duration'](inSeconds(report.judgeMs), {});
        record['idemtrace.detector.commit.duration'](inSeconds(report.commitMs), {});
        spans.onBatch(report);
      },
    },
    policyChanged({ kind }) {
      changes[kind] += 1;
    },
    read({ status, lag, windowBytes, policyVersion }) {
      const counters = () => status().counters;
      observe<'detector'>(meter, {
        'idemtrace.detector.events': () => counters().events,
        'idemtrace.detector.redeliveries': () => counters().redeliveries,
        'idemtrace.detector.alerts': () =>
          Object.entries(counters().alerts).flatMap(([rule, bySeverity]) =>
            Object.entries(bySeverity).map(([severity, value]) => ({
              value,
              attributes: { 'idemtrace.rule': rule, 'idemtrace.severity': severity },
            })),
          ),
        'idemtrace.detector.dead_letters': () =>
          Object.entries(counters().deadLetters).map(([reason, value]) => ({ value, attributes: { 'idemtrace.reason': reason } })),
        'idemtrace.detector.lag': async () =>
          (await lag()).map((value, partition) => ({ value, attributes: { 'idemtrace.partition': partition } })),
        'idemtrace.detector.ready': () => Number(status().ready),
        'idemtrace.detector.replayed': () => counters().replayed,
        'idemtrace.detector.take_overs': () => counters().takeOvers,
        'idemtrace.detector.rebuilds': () => counters().rebuilds,
        'idemtrace.detector.commits_in_doubt': () => counters().inDoubt,
        'idemtrace.detector.fenced': () => counters().fenced,
        'idemtrace.detector.missed': () => counters().missed,
        'idemtrace.detector.window.size': windowBytes,
        'idemtrace.policy.info': () =>
          observations<'idemtrace.policy.info'>([{ value: 1, attributes: { 'idemtrace.policy.version': policyVersion() } }]),
        'idemtrace.policy.changes': () =>
          Object.entries(changes).map(([kind, value]) => ({ value, attributes: { 'idemtrace.change': kind } })),
      });
    },
  };
}

export interface SinkReadings {
  status(): SinkStatus;
  /** Records in the log that are not in ClickHouse. */
  backlog(): Promise<number>;
  /** Numbers that are missing in emitters' sequences of late; a query of ClickHouse. */
  missingEvents(): Promise<number>;
}

export interface SinkTelemetry {
  /** For `createLineageSink`. */
  onInsert(insert: { readonly table: string; readonly durationMs: number }): void;
  /** To be called once, when the sink is there to be read. */
  read(readings: SinkReadings): void;
}

export function sinkTelemetry(meter: Meter): SinkTelemetry {
  const record = recorders(meter, 'lineage-sink');
  return {
    onInsert({ table, durationMs }) {
      record['idemtrace.lineage.insert.duration'](inSeconds(durationMs), { 'idemtrace.table': table });
    },
    read({ status, backlog, missingEvents }) {
      observe<'lineage-sink'>(meter, {
        'idemtrace.lineage.rows': () =>
          Object.entries(status().inserted).map(([table, value]) => ({ value, attributes: { 'idemtrace.table': table } })),
        'idemtrace.lineage.skipped': () => status().skipped,
        'idemtrace.lineage.refused': () => status().refused,
        'idemtrace.lineage.backlog': backlog,
        'idemtrace.lineage.healthy': () => Number(status().healthy),
        'idemtrace.lineage.missing_events': missingEvents,
      });
    },
  };
}

export interface GatewayTelemetry {
  /** For `createGateway`. */
  onRequest(request: Pick<AnsweredRequest, 'status' | 'format' | 'durationMs'>): void;
  /** To be called once, when the gateway is there to be read. */
  read(status: () => GatewayStatus): void;
}

export function gatewayTelemetry(meter: Meter): GatewayTelemetry {
  const record = recorders(meter, 'gateway');
  return {
    onRequest({ status, format = 'other', durationMs }) {
      const attributes = { 'http.response.status_code': status, 'idemtrace.format': format };
      record['idemtrace.gateway.request.duration'](inSeconds(durationMs), attributes);
    },
    read(status) {
      observe<'gateway'>(meter, {
        'idemtrace.gateway.requests': () =>
          Object.entries(status().counters.requests).map(([code, value]) => ({
            value,
            attributes: { 'http.response.status_code': Number(code) },
          })),
        'idemtrace.gateway.events': () => status().counters.events,
        'idemtrace.gateway.under_way': () => status().underWay,
      });
    },
  };
}

/**
 * Spans of alerts, and of the batches that published them. A span's parent is where the causing event was emitted, so that a trace goes from the
 * agent to the alert; whether it is sampled is the parent's to say.
 */

import type { BatchReport, DetectorObserver } from '@idemtrace/detector';
import type { Alert } from '@idemtrace/schemas';
import { isSpanContextValid, type Link, ROOT_CONTEXT, type Span, type SpanContext, SpanKind, type Tracer, trace } from '@opentelemetry/api';
import type { SPANS, SpanName } from './spans.ts';

/** Most spans of alerts that a batch's span links to. */
const MOST_LINKS = 32;

type SpanAttributes<N extends SpanName> = { readonly [A in keyof (typeof SPANS)[N]['attributes']]?: string | number };

const attributes = <N extends SpanName>(_: N, values: SpanAttributes<N>) => values;

interface Open {
  /** By alert and revision: one that is judged again, after a commit that failed, replaces the one before. */
  readonly spans: Map<string, Span>;
}

export class AlertSpans implements Required<Pick<DetectorObserver, 'traceAlert' | 'onBatch'>> {
  readonly #tracer: Tracer;
  /** Of the batch under way, by partition. */
  readonly #open = new Map<number, Open>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  readonly traceAlert = ({ alertId, revision, rule, severity, partition }: Alert, cause: string | undefined): string | undefined => {
    const parent = cause === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContextOf(cause));
    const values = attributes('idemtrace.alert', {
      'idemtrace.rule': rule,
      'idemtrace.severity': severity,
      'idemtrace.alert.id': alertId,
      'idemtrace.alert.revision': revision,
    });
    const span = this.#tracer.startSpan('idemtrace.alert' satisfies SpanName, { kind: SpanKind.PRODUCER, attributes: values }, parent);
    const open = this.#open.get(partition) ?? { spans: new Map() };
    this.#open.set(partition, open);
    open.spans.set(`${alertId}/${revision}`, span);
    // Without an exporter of traces the span is none, and the cause's trace goes on by itself.
    return isSpanContextValid(span.spanContext()) ? traceparentOf(span.spanContext()) : cause;
  };

  readonly onBatch = ({ partition, outcome, records, batchMs }: BatchReport): void => {
    const spans = [...(this.#open.get(partition)?.spans.values() ?? [])];
    this.#open.delete(partition);
    if (spans.length === 0) return;
    const ended = Date.now();
    for (const span of spans) span.setAttributes(attributes('idemtrace.alert', { 'idemtrace.outcome': outcome })).end(ended);
    const links = spans.slice(0, MOST_LINKS).map((span): Link => ({ context: span.spanContext() }));
    const values = attributes('idemtrace.batch', {
      'idemtrace.partition': partition,
      'idemtrace.records': records,
      'idemtrace.alerts': spans.length,
      'idemtrace.outcome': outcome,
    });
    this.#tracer
      .startSpan(
        'idemtrace.batch' satisfies SpanName,
        { kind: SpanKind.CONSUMER, startTime: ended - batchMs, attributes: values, links },
        ROOT_CONTEXT,
      )
      .end(ended);
  };
}

/** Of a `traceparent` that the detector has found to be one. */
function spanContextOf(traceparent: string): SpanContext {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

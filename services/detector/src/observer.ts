/** What a detector tells whoever measures it. Nothing of it changes a verdict, and nothing of it may throw. */
import type { Alert } from '@idemtrace/schemas';
import type { CommitResult, LogRecord } from '@idemtrace/stream';

/** A batch that was judged, and how its commit ended. Batches that only refill a window are not told. Times in ms. */
export interface BatchReport {
  readonly partition: number;
  readonly outcome: CommitResult;
  readonly records: number;
  /** Decoding, the window store, judging and the commit, waiting for what was away included. */
  readonly batchMs: number;
  /** The window store alone. */
  readonly windowMs: number;
  /** Judging alone: no waiting. */
  readonly judgeMs: number;
  /** The transaction of alerts, dead letters and offset. */
  readonly commitMs: number;
}

export interface DetectorObserver {
  /** The `traceparent` of an alert's record, given that of the record which caused it. Default: the same, so that a trace goes on. */
  readonly traceAlert?: (alert: Alert, cause: string | undefined) => string | undefined;
  readonly onBatch?: (report: BatchReport) => void;
}

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The trace that a record says it belongs to (W3C Trace Context, version 00); undefined where it says none, or not in that form. */
export function traceparentOf({ headers }: LogRecord): string | undefined {
  const header = headers.traceparent;
  if (header?.length !== 55) return undefined;
  const text = header.toString('latin1');
  return TRACEPARENT.test(text) ? text : undefined;
}

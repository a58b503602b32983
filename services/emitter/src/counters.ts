/** What became of the events of an emitter. */
export interface Counters {
  /** Events made, each with its sequence number. */
  readonly emitted: number;
  /** Events that the transport took. */
  readonly sent: number;
  /** Events lost because the buffer was full, or because the emitter was closed before they could be sent. */
  readonly dropped: number;
  /** Events that the receiver refused for good. */
  readonly rejected: number;
  /** Batches sent again. */
  readonly retried: number;
  /** Inputs without a hash. */
  readonly unhashable: number;
  /** Calls of observed tools and retrievers outside any run. */
  readonly outsideRun: number;
  /** Faults in observing, or in callbacks that it was given. */
  readonly faults: number;
  /** Writes that ran before their started event was durable although it should have been. */
  readonly unacknowledged: number;
  /** Events waiting, those under way included. */
  readonly buffered: number;
}

export type MutableCounters = { -readonly [Name in keyof Counters]: Counters[Name] };

export function newCounters(): MutableCounters {
  return {
    emitted: 0,
    sent: 0,
    dropped: 0,
    rejected: 0,
    retried: 0,
    unhashable: 0,
    outsideRun: 0,
    faults: 0,
    unacknowledged: 0,
    buffered: 0,
  };
}

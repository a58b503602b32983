import type { RetrievalEvent, RunEvent, ToolCallEvent } from '@idemtrace/schemas';

/** An event on its way from the emitter to the events topic. */
export type EmittedEvent = (
  | { readonly name: 'RunEvent'; readonly value: RunEvent }
  | { readonly name: 'ToolCallEvent'; readonly value: ToolCallEvent }
  | { readonly name: 'RetrievalEvent'; readonly value: RetrievalEvent }
) & {
  /** Headers of the record, e.g. `idemtrace-token` on a run's first event, `traceparent`. */
  readonly headers?: Readonly<Record<string, string>>;
};

/**
 * Takes events to the events topic. `send` resolves once all of the batch is durable, and rejects where any of it may not be; the emitter
 * then sends the whole batch again (event identities make that harmless). A rejection with `retriable: false` is not sent again.
 */
export interface Transport {
  send(batch: readonly EmittedEvent[]): Promise<void>;
  close?(): Promise<void>;
}

/** Below the wrappers, for the project's own programs: how replay makes events of recorded calls. No promise of stability. */
export type {
  CallDescription,
  DocumentRef,
  EffectKey,
  Moment,
  PreparedCall,
  RetrievalDescription,
  RunIdentity,
} from './descriptions.ts';
export { createEventBuilder, type EventBuilder, type EventBuilderOptions, type Origin } from './event-builder.ts';
export { classifyOutcome, type Outcome, type Settled } from './outcome.ts';
export { RunTracker } from './tracker.ts';
export type { EmittedEvent, Transport } from './transport.ts';

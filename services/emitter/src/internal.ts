/** Below the wrappers, for the project's own programs: how replay makes events of recorded calls. No promise of stability. */
export {
  type CallDescription,
  createEventBuilder,
  type DocumentRef,
  type EffectKey,
  type EventBuilder,
  type EventBuilderOptions,
  type Moment,
  type PreparedCall,
  type RetrievalDescription,
  type RunIdentity,
} from './event-builder.ts';
export { classifyOutcome, type Outcome, type Settled } from './outcome.ts';
export { RunTracker } from './tracker.ts';
export type { EmittedEvent, Transport } from './transport.ts';

/**
 * The window store: facts of the workflows of each partition, and a marker that says what they cover.
 *
 * What an adapter owes:
 * - `apply` is atomic. It writes the batch's facts, moves the marker to `max(hi, to)` and answers the histories, or, where the marker is
 *   missing, of another window, or does not reach `from`, writes nothing and answers `lost`.
 * - Facts are a set (W1): of two with one identity the one at the lower offset stays; writing a fact again changes nothing; the order of
 *   writes does not matter.
 * - Facts at most `windowMs` older than the newest log time of their partition are kept. Older ones may go.
 * - What is below the committed offset may be folded (`src/domain/fold.ts`): no verdict at or above it changes. What is written again of a
 *   folded execution is not put into the history that it was folded in; its identity is remembered as long as any other.
 * - Only `begin` creates a marker.
 */
import type { Fact } from '../domain/fact.ts';
import type { History } from '../domain/fold.ts';

export interface Marker {
  /** Binds the log, the partition count, the window's length and the facts' version: facts of another window are of no use. */
  readonly windowId: string;
  /** Facts of records from here … */
  readonly lo: number;
  /** … up to, not including, here are in the store. */
  readonly hi: number;
  /** The group's offset as known when the batch was applied: records below it were judged. */
  readonly committed: number;
  /** Log time from which on the window holds all it should: 0, unless the log no longer reached back a whole window at the last rebuild. */
  readonly completeFrom: number;
}

/** A fact and where it is kept. */
export interface PlacedFact {
  /** Key of the workflow's records. */
  readonly workflow: string;
  readonly histories: readonly string[];
  readonly fact: Fact;
}

export interface WindowBatch {
  readonly partition: number;
  readonly windowId: string;
  /** Where the batch starts: the `to` of the one before, or where a take-over went. */
  readonly from: number;
  readonly to: number;
  readonly committed: number;
  readonly facts: readonly PlacedFact[];
}

/** What the store holds of the batch's workflows, the batch's own facts included. */
export interface WindowView {
  /** A history that an event of the batch belongs to. Where no execution but the event's own is in it, the batch's own facts are enough. */
  history(workflow: string, key: string): History;
  /** What holds for the identity of an event of the batch: the delivery at the lowest offset. */
  fact(workflow: string, id: string): Standing | undefined;
}

/** What is remembered of an event's first delivery for as long as others of it may come. */
export interface Standing {
  readonly id: string;
  readonly offset: number;
  readonly logTime: number;
  readonly contentDigest: number;
}

export type Applied = { readonly status: 'lost' } | { readonly status: 'applied'; readonly marker: Marker; readonly view: WindowView };

export interface WindowStore {
  /** The partition's marker; undefined where there is none. A store that many windows share looks for the one of this id. */
  marker(partition: number, windowId: string): Promise<Marker | undefined>;
  /** Forgets the partition's facts and begins a window at `lo`: hi = lo. */
  begin(partition: number, marker: Omit<Marker, 'hi'>): Promise<void>;
  apply(batch: WindowBatch): Promise<Applied>;
  close(): Promise<void>;
}

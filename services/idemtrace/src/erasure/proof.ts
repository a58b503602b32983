/** What an erasure answers: of each place what was there, what went, and what is left. */

export interface ErasedPlace {
  readonly store: 'hash keys' | 'log' | 'windows' | 'lineage';
  /** Topic, table or the like. */
  readonly place: string;
  readonly found: number;
  readonly removed: number;
  readonly left: number;
  /** Why something is left and until when, or what a reader would else not know. */
  readonly note?: string;
}

/** What is left without a word on why: the erasure is not done. */
export function unexplained(places: readonly ErasedPlace[]): readonly ErasedPlace[] {
  return places.filter(({ left, note }) => left > 0 && note === undefined);
}

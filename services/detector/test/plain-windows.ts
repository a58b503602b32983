/** The window store as its port describes it, and nothing more: keeps every fact, folds nothing, lets nothing go. What all others are measured by. */
import type { Fact } from '../src/domain/fact.ts';
import type { Applied, Marker, PlacedFact, WindowBatch, WindowStore } from '../src/windows/port.ts';

export class PlainWindows implements WindowStore {
  readonly #windowMs: number;
  #marker: Marker | undefined;
  #facts: PlacedFact[] = [];

  constructor({ windowMs }: { readonly windowMs: number }) {
    this.#windowMs = windowMs;
  }

  async marker(): Promise<Marker | undefined> {
    return this.#marker;
  }

  async begin(_: number, marker: Omit<Marker, 'hi'>): Promise<void> {
    this.#marker = { ...marker, hi: marker.lo };
    this.#facts = [];
  }

  async apply(batch: WindowBatch): Promise<Applied> {
    const marker = this.#marker;
    if (marker === undefined || batch.from > marker.hi) return { status: 'lost' };
    this.#marker = { ...marker, hi: Math.max(marker.hi, batch.to), committed: Math.max(marker.committed, batch.committed) };
    this.#facts.push(...batch.facts);
    const histories = new Map<string, Fact[]>();
    const identities = new Map<string, Fact>();
    for (const { workflow, histories: keys, fact } of this.#standing()) {
      identities.set(`${workflow} ${fact.id}`, fact);
      for (const key of keys) {
        const history = histories.get(`${workflow} ${key}`);
        if (history === undefined) histories.set(`${workflow} ${key}`, [fact]);
        else history.push(fact);
      }
    }
    return {
      status: 'applied',
      marker: this.#marker,
      view: {
        history: (workflow, key) => ({ folded: undefined, facts: histories.get(`${workflow} ${key}`) ?? [] }),
        fact: (workflow, id) => identities.get(`${workflow} ${id}`),
      },
    };
  }

  async close(): Promise<void> {}

  /** In order of offset; a delivery counts where none stands before it within a window. */
  #standing(): readonly PlacedFact[] {
    const held = new Map<string, Fact>();
    return this.#facts
      .toSorted((a, b) => a.fact.offset - b.fact.offset)
      .filter(({ workflow, fact }) => {
        const before = held.get(`${workflow} ${fact.id}`);
        if (before !== undefined && fact.logTime - before.logTime <= this.#windowMs) return false;
        held.set(`${workflow} ${fact.id}`, fact);
        return true;
      });
  }
}

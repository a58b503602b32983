/** How far the groups are: asked of the broker itself, past every proxy, as often as it takes. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Config, openStore, type Store } from 'idemtrace/internal';

const POLL_MS = 50;
const GIVE_UP_MS = 180_000;

export type Positions = readonly number[];

export class Progress {
  readonly #store: Store;
  readonly #config: Config;

  constructor(store: Store, config: Config) {
    this.#store = store;
    this.#config = config;
  }

  static async of(config: Config): Promise<Progress> {
    return new Progress(await openStore(config), config);
  }

  get store(): Store {
    return this.#store;
  }

  /** Ends of the events topic's partitions. */
  async ends(): Promise<Positions> {
    const bounds = await patiently(() => this.#store.log.bounds(this.#config.topics.events));
    return bounds.map(({ high }) => high);
  }

  /** Records in the events topic. */
  async events(): Promise<number> {
    return (await this.ends()).reduce((sum, high) => sum + high, 0);
  }

  async committed(group: 'detector' | 'lineage'): Promise<Positions> {
    const { topics, groups } = this.#config;
    const committed = await patiently(() => this.#store.log.committed(topics.events, groups[group]));
    return committed.map((offset) => offset ?? 0);
  }

  /** Resolves once the group has committed what was the end; false where it does not within three minutes. */
  async reached(group: 'detector' | 'lineage', ends: Positions): Promise<boolean> {
    const deadline = performance.now() + GIVE_UP_MS;
    for (;;) {
      const committed = await this.committed(group);
      if (ends.every((high, partition) => (committed[partition] ?? 0) >= high)) return true;
      if (performance.now() > deadline) return false;
      await delay(POLL_MS);
    }
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

/** A broker that is away comes back. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + GIVE_UP_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(POLL_MS);
    }
  }
}

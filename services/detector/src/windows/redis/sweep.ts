/** Removes what a window left behind that was begun anew: in slices, so that Redis answers others in between. */
import type { Redis } from 'ioredis';
import { type Client, mastersOf } from './connect.ts';

const SLICE = 1_000;

export class Sweeper {
  readonly #client: Client;
  #isStopped = false;

  constructor(client: Client) {
    this.#client = client;
  }

  /** In the background. What it does not come to goes by its time to live. */
  sweep(base: string, epoch: string): void {
    for (const master of mastersOf(this.#client)) this.#sweep(master, base, epoch).catch(() => {});
  }

  async #sweep(master: Redis, base: string, epoch: string): Promise<void> {
    let cursor = '0';
    do {
      const [next, found] = await master.scan(cursor, 'MATCH', `${base}:*`, 'COUNT', SLICE);
      cursor = next;
      const old = found.filter((key) => !key.startsWith(`${base}:${epoch}:`) && key !== `${base}:marker`);
      if (old.length > 0) await this.#client.unlink(...old);
    } while (cursor !== '0' && !this.#isStopped);
  }

  stop(): void {
    this.#isStopped = true;
  }
}

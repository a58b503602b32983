import { randomUUID } from 'node:crypto';
import { LogError, type LogErrorCode } from '../errors.ts';
import { type Core, read, write } from './core.ts';
import { type Presence, processSpace } from './presence.ts';

/** One member of a group: its lease in the file, and its watch over the other members. */
export class Membership {
  readonly id = randomUUID();
  readonly group: number;
  /** How often `keep` is to be called, ms. */
  readonly everyMs: number;
  readonly #core: Core;
  readonly #leaseMs: number;
  readonly #host = processSpace();
  #renewedAt = 0;

  constructor(core: Core, group: number, leaseMs: number) {
    this.#core = core;
    this.group = group;
    this.#leaseMs = leaseMs;
    this.everyMs = Math.min(1000, leaseMs / 4);
  }

  async join(): Promise<void> {
    await write(this.#core, () => this.#core.groups.join(this.group, this.id, this.#presence(Date.now())));
    this.#renewedAt = Date.now();
    this.#core.bell.ring();
  }

  /** Renews the lease as of `signAt` where that is due, joins again where others gave this member up, and dismisses those that are gone. */
  async keep(signAt: number): Promise<void> {
    await whereTaken(() => this.#keep(signAt));
  }

  async renew(signAt: number): Promise<void> {
    await whereTaken(() => this.#renew(signAt));
  }

  async #keep(signAt: number): Promise<void> {
    await this.#renew(signAt);
    const someGone = await read(this.#core, () => this.#core.groups.gone(this.group, this.id, this.#host).length > 0);
    if (!someGone) return;
    await write(this.#core, () => this.#core.groups.rebalance(this.group, this.id, { host: this.#host }));
    this.#core.bell.ring();
  }

  async #renew(signAt: number): Promise<void> {
    if (signAt - this.#renewedAt < this.#leaseMs / 3) return;
    const stillMember = await write(this.#core, () => this.#core.groups.renew(this.id, signAt + this.#leaseMs));
    this.#renewedAt = signAt;
    if (!stillMember) await this.join();
  }

  async leave(): Promise<void> {
    await write(this.#core, () => this.#core.groups.leave(this.group, this.id, { host: this.#host }));
    this.#core.bell.ring();
  }

  #presence(now: number): Presence {
    return { leaseUntil: now + this.#leaseMs, leaseMs: this.#leaseMs, host: this.#host, pid: process.pid };
  }
}

const NOT_TAKEN: ReadonlySet<LogErrorCode> = new Set(['log_away', 'log_full']);

/**
 * A log that takes nothing for a while, on a disk that is full, takes no renewal, but no other member's take-over either: a membership is no
 * reason to end then, and is renewed at the next look.
 */
async function whereTaken(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof LogError && NOT_TAKEN.has(error.code))) throw error;
  }
}

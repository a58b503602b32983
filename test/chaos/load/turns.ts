/** Whose turn it is: agents wait for theirs, and so many a second get one, in an order that the seed decides. */
import type { Random } from '../../simulation/random.ts';

export class Turns {
  readonly #random: Random;
  readonly #perSecond: number;
  readonly #waiting: (() => void)[] = [];
  #credit = 0;
  #at: number;

  /** `now`: ms, monotonic. */
  constructor(random: Random, perSecond: number, now: number) {
    this.#random = random;
    this.#perSecond = perSecond;
    this.#at = now;
  }

  /** Resolves when it is the caller's turn. */
  take(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Gives out the turns that are due. Those of a time in which nobody could be served are not made up for beyond a second's. */
  give(now: number): void {
    this.#credit = Math.min(this.#perSecond, this.#credit + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    while (this.#credit >= 1 && this.#waiting.length > 0) {
      this.#credit -= 1;
      const at = this.#random.below(this.#waiting.length);
      const last = this.#waiting.pop();
      const chosen = at === this.#waiting.length ? last : this.#waiting[at];
      if (last !== undefined && at < this.#waiting.length) this.#waiting[at] = last;
      chosen?.();
    }
  }

  /** What time passed meanwhile counts for nothing. */
  skip(now: number): void {
    this.#at = now;
  }
}

/** Wakes whoever waits for something new in the log. A count of rings lets a waiter look first and miss nothing in between. */
export class Doorbell {
  #rings = 0;
  #waiting = new Set<() => void>();

  get rings(): number {
    return this.#rings;
  }

  ring(): void {
    this.#rings++;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** Resolves once the count differs from `seen`, or after `timeoutMs`. */
  next(seen: number, timeoutMs?: number): Promise<void> {
    if (seen !== this.#rings) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(wake, timeoutMs);
      const waiting = this.#waiting;
      function wake(): void {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      }
      waiting.add(wake);
    });
  }
}

const shared = new Map<string, { readonly bell: Doorbell; users: number }>();

/** The bell that all instances on one file share in this process; to be given back with `leaveDoorbell`. */
export function shareDoorbell(identity: string): Doorbell {
  const entry = shared.get(identity) ?? { bell: new Doorbell(), users: 0 };
  entry.users++;
  shared.set(identity, entry);
  return entry.bell;
}

export function leaveDoorbell(identity: string): void {
  const entry = shared.get(identity);
  if (entry !== undefined && --entry.users === 0) shared.delete(identity);
}

/** Rings the bell where another connection has committed, for as long as somebody waits. */
export class Watch {
  readonly #changed: () => boolean;
  readonly #bell: Doorbell;
  readonly #intervalMs: number;
  #holders = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(changed: () => boolean, bell: Doorbell, intervalMs: number) {
    this.#changed = changed;
    this.#bell = bell;
    this.#intervalMs = intervalMs;
  }

  hold(): void {
    if (this.#holders++ > 0) return;
    this.#timer = setInterval(() => {
      if (this.#changed()) this.#bell.ring();
    }, this.#intervalMs);
  }

  release(): void {
    if (--this.#holders === 0) clearInterval(this.#timer);
  }
}

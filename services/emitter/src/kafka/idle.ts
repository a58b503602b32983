/** Something to be closed. */
interface Closable {
  close(): Promise<void>;
}

/** Opens what is needed at its first use, and closes it after `idleMs` without one: open connections would keep a script from ending. */
export class Idle<T extends Closable> {
  readonly #idleMs: number;
  readonly #open: () => Promise<T>;
  #opened: Promise<T> | undefined;
  #users = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(idleMs: number, open: () => Promise<T>) {
    this.#idleMs = idleMs;
    this.#open = open;
  }

  /** Rejects as opening and `work` do; what could not be opened is opened anew at the next use. */
  async use<R>(work: (opened: T) => Promise<R>): Promise<R> {
    clearTimeout(this.#timer);
    this.#users++;
    const opened = this.#opened ?? this.#open();
    this.#opened = opened;
    try {
      return await work(await opened);
    } catch (error) {
      if (await failed(opened)) this.#forget(opened);
      throw error;
    } finally {
      this.#users--;
      if (this.#users === 0 && this.#opened !== undefined)
        this.#timer = setTimeout(() => void this.close().catch(() => undefined), this.#idleMs);
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened !== undefined && !(await failed(opened))) await (await opened).close();
  }

  #forget(opened: Promise<T>): void {
    if (this.#opened === opened) this.#opened = undefined;
  }
}

async function failed(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => false,
    () => true,
  );
}

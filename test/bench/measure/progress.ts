/** Tells on standard error what is under way: in place on a terminal, else in a line now and then. */
export class Progress {
  readonly #startedAt = performance.now();
  readonly #write: (text: string) => void;
  #lastAt = 0;

  constructor(write: (text: string) => void = (text) => process.stderr.write(text)) {
    this.#write = write;
  }

  /** Of `total`, `done` are done; told at most so often that nobody is flooded. */
  of(what: string, done: number, total: number): void {
    const now = performance.now();
    const pause = process.stderr.isTTY ? 200 : 5_000;
    if (now - this.#lastAt < pause) return;
    this.#lastAt = now;
    this.#tell(`${what}: ${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')}`, false);
  }

  step(what: string): void {
    this.#lastAt = performance.now();
    this.#tell(what, true);
  }

  #tell(text: string, stays: boolean): void {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(0).padStart(4);
    const line = `${seconds} s  ${text}`;
    this.#write(process.stderr.isTTY ? `\r\x1b[K${line}${stays ? '\n' : ''}` : `${line}\n`);
  }
}

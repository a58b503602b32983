/** A program that is measured, as a process of its own. It says what it has to say in lines of JSON on its standard output. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface Said {
  readonly at: string;
  /** ms since the epoch. */
  readonly time: number;
  readonly [field: string]: unknown;
}

const LAST_LINES = 20;
const END_TIMEOUT_MS = 30_000;

export class Child {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #said: Said[] = [];
  readonly #complaints: string[] = [];
  readonly #ended: Promise<void>;
  #wake: (() => void)[] = [];
  #isGone = false;

  constructor(file: string, args: readonly string[]) {
    this.#process = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    if (this.#process.pid === undefined) throw new Error(`${file} could not be started`);
    this.pid = this.#process.pid;
    const lines = (name: 'stdout' | 'stderr', take: (line: string) => void) => {
      const stream = this.#process[name];
      if (stream !== null) createInterface({ input: stream }).on('line', take);
    };
    lines('stdout', (line) => this.#hear(line));
    lines('stderr', (line) => this.#complain(line));
    this.#ended = new Promise((resolve) => {
      this.#process.once('close', () => {
        this.#isGone = true;
        this.#notify();
        resolve();
      });
    });
  }

  /** What it said last of this kind, waiting for it to be said. Throws where the process ends without. */
  async heard(at: string, timeoutMs = 600_000): Promise<Said> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = this.last(at);
      if (found !== undefined) return found;
      if (this.#isGone) throw this.fault(`ended before it said '${at}'`);
      if (performance.now() > deadline) throw this.fault(`did not say '${at}' within ${timeoutMs / 1000} s`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  last(at: string): Said | undefined {
    return this.#said.findLast((each) => each.at === at);
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  fault(what: string): Error {
    return new Error(`process ${this.pid} (${this.#process.spawnargs.join(' ').slice(0, 200)}) ${what}. ${this.#complaints.join('\n')}`);
  }

  /** Asks it to end, and waits until it has. */
  async end(): Promise<void> {
    if (!this.#isGone) this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), END_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  #hear(line: string): void {
    if (line.startsWith('{')) {
      this.#said.push(JSON.parse(line) as Said);
      this.#notify();
    } else this.#complain(line);
  }

  #complain(line: string): void {
    this.#complaints.push(line);
    if (this.#complaints.length > LAST_LINES) this.#complaints.shift();
  }

  #notify(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** A TypeScript program of the bench, on the same Node as this one. */
export function nodeChild(program: string, args: readonly string[], flags: readonly string[] = []): Child {
  return new Child(process.execPath, [...flags, program, ...args]);
}

/** For the program itself: says something, with the time. */
export function say(at: string, fields: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(`${JSON.stringify({ at, time: performance.timeOrigin + performance.now(), ...fields })}\n`);
}

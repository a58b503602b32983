/** A process that is started again when it ends, as its supervisor in production would, until it is told to stop. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../support/until.ts';

export interface SupervisedOptions {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Its output goes to a file of its name there. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** What it prints when it is up. */
  readonly isUp: RegExp;
}

/** Ended by itself, with the end of what it had printed. */
export interface OwnEnd {
  readonly name: string;
  readonly code: number | null;
  readonly output: string;
}

const KEPT_OUTPUT = 4_000;
const RESTART_MS = 200;
const UP_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 60_000;

export class Supervised {
  readonly name: string;
  readonly #options: SupervisedOptions;
  readonly #ownEnds: OwnEnd[] = [];
  #child: ChildProcess | undefined;
  #output = '';
  #isUp = false;
  #isWanted = false;
  #isKilled = false;

  constructor(options: SupervisedOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get ownEnds(): readonly OwnEnd[] {
    return this.#ownEnds;
  }

  get output(): string {
    return this.#output;
  }

  /** Resolves when it is up. */
  async start(): Promise<void> {
    this.#isWanted = true;
    this.#launch();
    await this.up();
  }

  async up(): Promise<void> {
    await until(() => this.#isUp || undefined, `${this.name} to be up: ${this.#output}`, UP_WITHIN_MS);
  }

  /** SIGKILL; it is started again. Resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    this.#isKilled = true;
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.kill('SIGKILL');
    await gone;
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Asks it to end, and is not content with less than a clean end: answers the exit code, null where it had to be killed. */
  async stop(): Promise<number | null> {
    this.#isWanted = false;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    const code = await ended;
    clearTimeout(timer);
    return code;
  }

  /** At once, for ever. */
  end(): void {
    this.#isWanted = false;
    this.#child?.kill('SIGKILL');
  }

  #launch(): void {
    const { name, file, args, cwd, env, isUp } = this.#options;
    const log = join(cwd, `${name.replaceAll(' ', '-')}.log`);
    const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#isUp = false;
    this.#isKilled = false;
    this.#output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        appendFileSync(log, text);
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
        if (isUp.test(this.#output)) this.#isUp = true;
      });
    }
    child.once('close', (code) => {
      if (this.#child !== child) return;
      this.#isUp = false;
      if (!this.#isWanted) return;
      if (!this.#isKilled) this.#ownEnds.push({ name: this.name, code, output: this.#output.slice(-1_000) });
      void delay(RESTART_MS).then(() => {
        if (this.#isWanted && this.#child === child) this.#launch();
      });
    });
  }
}

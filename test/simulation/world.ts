/**
 * One scheduler owns the interleaving: simulated ports hand control back to it at every await, and it decides whose turn is next, or who dies
 * there. Nothing runs on its own: no timer, no clock, no I/O.
 */
import type { Random } from './random.ts';

/** A process as its supervisor sees it. What belongs to a dead one is never resumed. */
export interface Process {
  readonly name: string;
  alive: boolean;
}

interface Waiting {
  readonly process: Process;
  readonly point: string;
  readonly when: (() => boolean) | undefined;
  readonly resume: () => void;
}

/** How often each point and each fault was reached: what a campaign covers. */
export type Coverage = Map<string, number>;

export class World {
  readonly random: Random;
  readonly coverage: Coverage;
  /** What happened, in order: printed with a failure. Undefined where nobody will read it. */
  readonly trace: string[] | undefined;
  #waiting: Waiting[] = [];

  constructor(random: Random, coverage: Coverage, trace?: string[]) {
    this.random = random;
    this.coverage = coverage;
    this.trace = trace;
  }

  /** Hands control to the scheduler; goes on when it is this process's turn again, and not before `when` holds. */
  turn(process: Process, point: string, when?: () => boolean): Promise<void> {
    return new Promise((resume) => {
      if (process.alive) this.#waiting.push({ process, point, when, resume });
    });
  }

  count(what: string): void {
    this.coverage.set(what, (this.coverage.get(what) ?? 0) + 1);
  }

  tell(what: string): void {
    this.trace?.push(what);
  }

  kill(process: Process): void {
    process.alive = false;
    this.#waiting = this.#waiting.filter((waiting) => waiting.process.alive);
  }

  /** Those that could go on now. */
  #ready(): readonly Waiting[] {
    return this.#waiting.filter(({ process, when }) => process.alive && (when === undefined || when()));
  }

  get idle(): boolean {
    return this.#ready().length === 0;
  }

  /** Resumes one that waits, or, with `crash`, kills its process at that very point. Answers false where nobody waits. */
  async step(crash: boolean): Promise<boolean> {
    const ready = this.#ready();
    if (ready.length === 0) return false;
    const chosen = this.random.pick(ready);
    if (crash) {
      this.count(`crash at ${chosen.point}`);
      this.tell(`${chosen.process.name} dies at ${chosen.point}`);
      this.kill(chosen.process);
      return true;
    }
    this.count(`point ${chosen.point}`);
    this.tell(`${chosen.process.name}: ${chosen.point}`);
    this.#waiting = this.#waiting.filter((waiting) => waiting !== chosen);
    chosen.resume();
    await settled();
    return true;
  }
}

/** Resolves once every promise that can go on without the scheduler has done so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

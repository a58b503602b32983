/** The smallest run of a failing seed that still fails: fewer records, then faults that end earlier. */
import type { Run, SimulateOptions } from './simulate.ts';

export interface Minimised {
  readonly run: Run;
  readonly options: SimulateOptions;
}

export type Simulate = (seed: number, options?: SimulateOptions) => Promise<Run>;

export async function minimised(seed: number, simulate: Simulate): Promise<Minimised> {
  let options: SimulateOptions = {};
  let run = await simulate(seed, { trace: true });
  for (const cut of [
    (size: number): SimulateOptions => ({ ...options, deliveries: size }),
    (size: number): SimulateOptions => ({ ...options, faultsAfter: size }),
  ]) {
    const most = cut(0).deliveries === undefined ? run.steps : run.events;
    for (let size = 1; size < most; size = Math.ceil(size * 1.2)) {
      const smaller = await simulate(seed, { ...cut(size), trace: true });
      if (smaller.differences.length === 0) continue;
      options = cut(size);
      run = smaller;
      break;
    }
  }
  return { run, options };
}

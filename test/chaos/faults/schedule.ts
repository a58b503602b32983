/** Which faults come, in which order: all of it follows from the seed. */
import type { Random } from '../../simulation/random.ts';

/** How many processes or services each kind kills. */
export const KILLS = {
  'detector killed': 1,
  'sink killed': 1,
  'gateway killed': 1,
  'agent killed': 1,
  'Redis killed': 1,
  'ClickHouse killed': 1,
  'broker killed': 1,
  'detector asleep past its session': 0,
  'Redis emptied': 0,
  'Redis emptied before a call': 0,
  'Redis emptied before its answer': 0,
  'Redis back from an older dump': 2,
  'rebalance storm': 0,
  'full disk of ClickHouse': 0,
  'broker half open': 0,
  'broker slow': 0,
  'broker resets answers': 0,
  'Redis half open': 0,
  'Redis slow': 0,
  'Redis resets answers': 0,
} as const satisfies Readonly<Record<string, number>>;

export type FaultKind = keyof typeof KILLS;

export const FAULT_KINDS = Object.keys(KILLS) as readonly FaultKind[];

/** What kills one thing and is soon over: these make up the number. Detectors come more often: there are more of them. */
const MADE_UP_OF: readonly FaultKind[] = [
  'detector killed',
  'detector killed',
  'detector killed',
  'sink killed',
  'gateway killed',
  'agent killed',
  'Redis killed',
  'ClickHouse killed',
  'broker killed',
];

/** Each of the kinds once, then kills until there are so many; shuffled. */
export function scheduleOf(
  random: Random,
  { kills, kinds = FAULT_KINDS }: { readonly kills: number; readonly kinds?: readonly FaultKind[] },
): readonly FaultKind[] {
  const schedule = [...kinds];
  const most = MADE_UP_OF.filter((kind) => kinds.includes(kind));
  for (let sum = killsOf(schedule); sum < kills && most.length > 0; sum++) schedule.push(random.pick(most));
  for (let last = schedule.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [schedule[last], schedule[other]] = [schedule[other] as FaultKind, schedule[last] as FaultKind];
  }
  return schedule;
}

export function killsOf(schedule: readonly FaultKind[]): number {
  return schedule.reduce((sum, kind) => sum + KILLS[kind], 0);
}

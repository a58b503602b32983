import type { Alert, RuleName } from '@idemtrace/schemas';
import type { DeclaredSeverity } from './domain/finding.ts';

/** What a detector has done since it started. */
export interface DetectorCounters {
  /** Events judged, each delivery that is not a redelivery. */
  events: number;
  redeliveries: number;
  /** Records that could not be judged, by reason. */
  deadLetters: Record<string, number>;
  /** Alerts published, every revision counted, by rule and severity. */
  alerts: Partial<Record<RuleName, Partial<Record<DeclaredSeverity, number>>>>;
  batches: number;
  /** Records read again to rebuild windows. */
  replayed: number;
  takeOvers: number;
  rebuilds: number;
  fenced: number;
  inDoubt: number;
  /** Records that the log had deleted before they were judged. */
  missed: number;
}

export function newCounters(): DetectorCounters {
  return {
    events: 0,
    redeliveries: 0,
    deadLetters: {},
    alerts: {},
    batches: 0,
    replayed: 0,
    takeOvers: 0,
    rebuilds: 0,
    fenced: 0,
    inDoubt: 0,
    missed: 0,
  };
}

export function countAlert(counters: DetectorCounters, { rule, severity }: Alert): void {
  if (rule === 'unspecified' || severity === 'unspecified') return;
  counters.alerts[rule] ??= {};
  const bySeverity = counters.alerts[rule];
  bySeverity[severity] = (bySeverity[severity] ?? 0) + 1;
}

export function countDeadLetter(counters: DetectorCounters, reason: string): void {
  counters.deadLetters[reason] = (counters.deadLetters[reason] ?? 0) + 1;
}

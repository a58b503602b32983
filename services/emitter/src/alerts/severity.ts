import type { Alert } from '@idemtrace/schemas';

export type Severity = Exclude<Alert['severity'], 'unspecified'>;

/** From the least to the worst. */
export const SEVERITIES: readonly Severity[] = ['info', 'warning', 'critical'];

/** What is unspecified here, some later version has a name for: better heard than missed. */
export function isAtLeast(severity: Alert['severity'], least: Severity): boolean {
  return severity === 'unspecified' || SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}

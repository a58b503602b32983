/** One check of `doctor`, and how a person reads it. */
import { styleText } from 'node:util';

export type Verdict = 'pass' | 'warn' | 'fail';

export interface Check {
  readonly name: string;
  readonly verdict: Verdict;
  readonly found: string;
  /** What to do, unless it passes. */
  readonly mend?: string;
}

const STYLE = { pass: 'green', warn: 'yellow', fail: 'red' } as const;

export function checkLine({ name, verdict, found, mend }: Check, color: boolean): string {
  const mark = color ? styleText(STYLE[verdict], verdict, { validateStream: false }) : verdict;
  return `${mark}  ${name}: ${found}${mend === undefined ? '' : `\n      ${mend}`}`;
}

/** A setting that is not as it should be. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly setting: string;
  readonly actual: string;
  readonly wanted: string;
  readonly mend: string;
}

/** Findings as checks; one that passes where there are none. */
export function checksOf(name: string, whole: string, findings: readonly Finding[]): readonly Check[] {
  if (findings.length === 0) return [{ name, verdict: 'pass', found: whole }];
  return findings.map(({ severity, setting, actual, wanted, mend }) => ({
    name: `${name}, ${setting}`,
    verdict: severity === 'error' ? 'fail' : 'warn',
    found: `${actual}, wanted ${wanted}`,
    mend,
  }));
}

/** Values of options that several commands take, and what is said of one that is none. */
import { parseDuration } from '@idemtrace/detector/policy';
import { CommandError } from '../output/command-error.ts';

/** A whole number within bounds, both included. Throws CommandError `invalid_input`. */
export function wholeNumber(option: string, text: string, { least, most }: { readonly least: number; readonly most: number }): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new CommandError('invalid_input', `${option} ${text} is not a whole number from ${least} to ${most}.`);
}

/** A time as ISO 8601 says it, or a duration back from now: ms since the epoch. Throws CommandError `invalid_input`. */
export function pastTime(option: string, text: string, now: number): number {
  const back = /[a-z]$/.test(text) ? parseDuration(text) : undefined;
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  const since = back === undefined ? time : now - back;
  if (since >= 0) return since;
  throw new CommandError('invalid_input', `${option} ${text} is neither a time such as 2026-01-31T12:00:00Z nor a duration such as 24h.`);
}

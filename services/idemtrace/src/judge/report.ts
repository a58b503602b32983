/** What a dry run came to, for a person and for a program. */
import type { Screen } from '../output/screen.ts';
import { alertText } from '../output/summary.ts';
import { table, timeText } from '../output/table.ts';
import type { AlertBrief } from './compare.ts';
import type { DryRun } from './dry-run.ts';
import type { Tally } from './tally.ts';

export interface Asked {
  readonly policyVersion: string;
  /** Log time, ms since the epoch. */
  readonly since: number;
}

/** The one object of `judge --json`. Lists are cut at --limit, counts are not. */
export function dryRunSummary({ stretches, counters, tally, publishedUnder, isCut, waiting }: DryRun, { policyVersion, since }: Asked) {
  return {
    policy: policyVersion,
    publishedUnder,
    since: new Date(since).toISOString(),
    partitions: stretches.map(({ partition, windowFrom, from, to }) => ({ partition, windowFrom, from, to })),
    events: counters.events,
    redeliveries: counters.redeliveries,
    deadLetters: counters.deadLetters,
    windowsCut: isCut,
    notJudgedYet: waiting,
    counts: tally.counts,
    byRule: tally.rows(),
    new: tally.new,
    gone: tally.gone,
    changed: tally.changed,
  };
}

const HEADINGS = ['rule', 'severity', 'published', 'new', 'gone', 'changed to', 'changed from', 'would be'];

export function dryRunText(run: DryRun, { policyVersion, since }: Asked, screen: Screen): string {
  const { counters, tally, publishedUnder } = run;
  const under = publishedUnder.length === 0 ? 'none' : `under ${publishedUnder.join(', ')}`;
  const lines = [
    `${counted(counters.events, 'event')} since ${timeText(since)} (log time), judged again under ${policyVersion}; alerts published of them: ${under}.`,
    '',
  ];
  const rows = tally.rows();
  if (rows.length > 0) {
    const cells = rows.map((row) => [row.rule, row.severity, row.published, row.new, row.gone, row.changedTo, row.changedFrom, row.judged]);
    lines.push(table(HEADINGS, cells), '');
  }
  if (tally.isEmpty) return [...lines, `Nothing would change: ${counted(tally.counts.unchanged, 'alert')} as published.`].join('\n');
  return [...lines, ...differences(tally, screen), `Unchanged: ${counted(tally.counts.unchanged, 'alert')}.`].join('\n');
}

function differences({ counts, new: come, gone, changed }: Tally, screen: Screen): readonly string[] {
  const line = (sign: string, alert: AlertBrief, remark = '') =>
    `${sign} ${alertText(alert, { ...screen, columns: screen.columns - 2 - remark.length })}${remark}`;
  const was = ({ severity, cause }: AlertBrief) => ` (was ${[severity, cause].filter((part) => part !== null).join(' ')})`;
  return [
    ...section(
      'Would come',
      counts.new,
      come.map((alert) => line('+', alert)),
    ),
    ...section(
      'Would go',
      counts.gone,
      gone.map((alert) => line('-', alert)),
    ),
    ...section(
      'Would change',
      counts.changed,
      changed.map(({ published, judged }) => line('~', judged, was(published))),
    ),
  ];
}

function section(title: string, count: number, lines: readonly string[]): readonly string[] {
  if (count === 0) return [];
  const more = count - lines.length;
  return [`${title}: ${counted(count, 'alert')}.`, ...lines, ...(more > 0 ? [`  … and ${more} more (--limit)`] : []), ''];
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

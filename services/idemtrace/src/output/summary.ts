/** What a replay came to, for a person and for a program. */
import { styleText } from 'node:util';
import { RULE_SYMBOLS, type RuleName } from '@idemtrace/schemas';
import { type AlertOnALine, alertLine } from '../pictures/index.ts';
import type { AlertCounts, ReplayCounts } from '../replay/replay.ts';
import type { Screen } from './screen.ts';

export interface Summary extends ReplayCounts {
  readonly deadLetters: number;
  readonly alerts: AlertCounts;
  readonly seconds: number;
  readonly lineage: boolean;
}

/** The one object of `replay --json`. Alerts are counted by their last revision. */
export function replaySummary({ toolCalls, retrievals, executions, workflows, runs, deadLetters, alerts }: Summary) {
  return { toolCalls, retrievals, executions, workflows, runs, deadLetters, alerts };
}

const SEVERITIES = ['critical', 'warning', 'info'] as const;
const STYLE = { critical: ['red', 'bold'], warning: ['yellow'], info: ['dim'] } as const;

export function alertSummary(summary: Summary, { color }: Pick<Screen, 'color'>): string {
  const { events, workflows, runs, toolCalls, retrievals, deadLetters, alerts, seconds, lineage } = summary;
  const rate = Math.round(events / Math.max(seconds, 0.001)).toLocaleString('en');
  const counted = (n: number, noun: string) => `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`;
  const lines = [
    '',
    `${counted(events, 'event')} of ${counted(toolCalls, 'tool call')} and ${counted(retrievals, 'retrieval')}, in ${counted(workflows, 'workflow')} and ${counted(runs, 'run')}.`,
    `Judged${lineage ? ' and stored' : ''} in ${seconds.toFixed(1)} s: ${rate} events/s. Dead letters: ${deadLetters}.`,
    '',
  ];
  const rules = RULE_SYMBOLS.filter((rule): rule is RuleName => rule !== 'unspecified' && alerts[rule] !== undefined);
  if (rules.length === 0) return [...lines, 'No alerts.'].join('\n');
  const paint = (severity: (typeof SEVERITIES)[number], text: string, n: number) =>
    color && n > 0 ? styleText([...STYLE[severity]], text, { validateStream: false }) : text;
  const width = Math.max(...rules.map((rule) => rule.length), 'alerts'.length);
  lines.push(`${'alerts'.padEnd(width)}  ${SEVERITIES.map((severity) => severity.padStart(8)).join('  ')}`);
  for (const rule of rules) {
    const cells = SEVERITIES.map((severity) => {
      const n = alerts[rule]?.[severity] ?? 0;
      return paint(severity, String(n || '·').padStart(8), n);
    });
    lines.push(`${rule.padEnd(width)}  ${cells.join('  ')}`);
  }
  return lines.join('\n');
}

/** One alert as one line; cut to the width of a terminal, whole where a file or another program reads. */
export function alertText(alert: AlertOnALine, { color, unicode, isTerminal, columns }: Screen): string {
  return alertLine(alert, { color, unicode, ...(isTerminal && { columns }) });
}

import type { Alert } from '@idemtrace/schemas';
import { paint } from './canvas.ts';
import { clean, shorten } from './cells.ts';
import { SEVERITY_MARKS } from './marks.ts';

export interface AlertLineOptions {
  readonly color: boolean;
  /** Default true. */
  readonly unicode?: boolean;
  /** Cuts the line in its middle to so many columns; default: whole. */
  readonly columns?: number;
}

/** What a line tells of an alert. */
export type AlertOnALine = Pick<
  Alert,
  'logTime' | 'severity' | 'rule' | 'tenantId' | 'workflowId' | 'runId' | 'stepIndex' | 'tool' | 'cause'
> & { readonly evidence: Pick<Alert['evidence'], 'dataSource'> };

/** One alert as one line: time (UTC), severity, rule, tenant, workflow, run and step, tool or data source, cause. */
export function alertLine(alert: AlertOnALine, options: AlertLineOptions): string {
  const { color, unicode = true, columns } = options;
  const time = new Date(Math.min(Math.max(alert.logTime, 0), 253_402_300_799_999)).toISOString().replace('T', ' ').slice(0, 19);
  const subject = alert.tool ?? alert.evidence.dataSource;
  const head = `${alert.severity.padEnd(8)} ${alert.rule}`;
  const place = [`${alert.tenantId}/${alert.workflowId}`, `${runName(alert)} step ${alert.stepIndex}`, subject, alert.cause].filter(
    (part) => part !== null,
  );
  const rest = clean(place.join('  '), unicode);
  const text = `${time}  ${head}  ${rest}`;
  const fitted = columns === undefined ? text : shorten(text, columns, unicode ? '…' : '..');
  if (!color || fitted !== text) return fitted;
  return `${paint(time, ['dim'], color)}  ${paint(head, SEVERITY_MARKS[alert.severity].style, color)}  ${rest}`;
}

/** Runs are often named after their workflow, which stands before it already. */
function runName({ runId, workflowId }: AlertOnALine): string {
  return runId.length > workflowId.length && runId.startsWith(workflowId) ? runId.slice(workflowId.length) : runId;
}

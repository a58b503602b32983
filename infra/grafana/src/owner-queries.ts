/** What the owners' panels share: whose alerts they ask for, and how columns look. */
import { type FieldLook, SEVERITY_COLORS } from './panel.ts';

export const SPAN = `tenantsHex = [\${tenant:singlequote}], fromMs = \${__from}, toMs = \${__to}`;
export const OF_TOOL = `$__conditionalAll(hex(tool) IN (\${tool:singlequote}), $tool)`;
export const ALERTS = `dashboard_alerts(${SPAN})`;
export const EXECUTIONS = `dashboard_executions(${SPAN})`;
export const FOREIGN = `dashboard_foreign_documents(${SPAN})`;
/** Start of the bucket that a time is in. */
export const BUCKET = `toStartOfInterval(logTime, INTERVAL \${interval} SECOND, 'UTC')`;
export const BY_SEVERITY =
  "countIf(severity = 'critical') AS critical, countIf(severity = 'warning') AS warning, countIf(severity = 'info') AS info";
export const SEVERITY_FIELDS: readonly FieldLook[] = Object.entries(SEVERITY_COLORS).map(([name, color]) => ({ name, color }));
export const COUNT_FIELDS: readonly FieldLook[] = [
  {
    name: 'critical',
    width: 90,
    background: true,
    thresholds: [
      { from: null, color: 'text' },
      { from: 1, color: 'semi-dark-red' },
    ],
  },
  {
    name: 'warning',
    width: 90,
    background: true,
    thresholds: [
      { from: null, color: 'text' },
      { from: 1, color: 'semi-dark-orange' },
    ],
  },
  { name: 'info', width: 80 },
];
export const TIME_FIELD: FieldLook = { name: 'latest', unit: 'dateTimeAsIso', width: 165 };

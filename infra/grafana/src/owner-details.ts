/** The owners' tables of single workflows and alerts. */
import { ALERTS, BY_SEVERITY, COUNT_FIELDS, OF_TOOL, TIME_FIELD } from './owner-queries.ts';
import type { FieldLook, Panel } from './panel.ts';

/** What opens the lineage in a terminal, quoted for a shell. */
const COMMAND = `concat('idemtrace lineage attempts --tenant=', ${shellQuoted('tenantId')}, ' -- ', ${shellQuoted('workflowId')})`;

function shellQuoted(column: string): string {
  return `concat('\\'', replaceAll(${column}, '\\'', '\\'\\\\\\'\\''), '\\'')`;
}

const SEVERITY_WORD: FieldLook = {
  name: 'severity',
  width: 95,
  background: true,
  words: { critical: 'semi-dark-red', warning: 'semi-dark-orange', info: 'semi-dark-blue' },
};

export const DETAILS: readonly Panel[] = [
  {
    kind: 'table',
    title: 'Worst workflows',
    description:
      'Workflows with the most critical alerts. The command draws the attempts side by side, with the clash marked: hover over it to copy it.',
    unit: 'short',
    width: 24,
    height: 10,
    fields: [...COUNT_FIELDS, TIME_FIELD],
    query: {
      shape: 'table',
      sql: `SELECT tenantId AS tenant, workflowId AS workflow, ${BY_SEVERITY}, uniqExact(runId) AS runs,
  arrayStringConcat(arraySort(groupUniqArray(toString(rule))), ', ') AS rules,
  arrayStringConcat(arraySort(groupUniqArrayIf(toString(tool), tool != '')), ', ') AS tools, max(logTime) AS latest,
  ${COMMAND} AS command
FROM ${ALERTS}
WHERE ${OF_TOOL}
GROUP BY tenantId, workflowId
HAVING critical + warning > 0
ORDER BY critical DESC, warning DESC, latest DESC
LIMIT 50`,
    },
  },
  {
    kind: 'table',
    title: 'Alerts',
    description: 'The latest 500 alerts at their current revision, of every severity.',
    unit: 'short',
    width: 24,
    height: 14,
    fields: [{ name: 'time', unit: 'dateTimeAsIso', width: 165 }, SEVERITY_WORD, { name: 'step', width: 60 }],
    query: {
      shape: 'table',
      sql: `SELECT logTime AS time, severity, rule, ifNull(toString(cause), '') AS cause, tenantId AS tenant, workflowId AS workflow, runId AS run,
  stepIndex AS step, tool, agentId AS agent, summary, ${COMMAND} AS command
FROM ${ALERTS}
WHERE ${OF_TOOL}
ORDER BY logTime DESC, alertId
LIMIT 500`,
    },
  },
];

/** For those who own agents and tools: what was done twice, otherwise than before, or on another tenant's documents. */
import { ANY_IS_BAD, ANY_IS_ODD, type Dashboard, type FieldLook, NEUTRAL, type Panel, SEVERITY_COLORS, type Variable } from './panel.ts';

const SPAN = `tenantsHex = [\${tenant:singlequote}], fromMs = \${__from}, toMs = \${__to}`;
const OF_TOOL = `$__conditionalAll(hex(tool) IN (\${tool:singlequote}), $tool)`;
const ALERTS = `dashboard_alerts(${SPAN})`;
const EXECUTIONS = `dashboard_executions(${SPAN})`;
const FOREIGN = `dashboard_foreign_documents(${SPAN})`;
/** Start of the bucket that a time is in. */
const BUCKET = `toStartOfInterval(logTime, INTERVAL \${interval} SECOND, 'UTC')`;
const BY_SEVERITY =
  "countIf(severity = 'critical') AS critical, countIf(severity = 'warning') AS warning, countIf(severity = 'info') AS info";
/** What opens the lineage in a terminal, quoted for a shell. */
const COMMAND = `concat('idemtrace lineage attempts --tenant=', ${shellQuoted('tenantId')}, ' -- ', ${shellQuoted('workflowId')})`;

function shellQuoted(column: string): string {
  return `concat('\\'', replaceAll(${column}, '\\'', '\\'\\\\\\'\\''), '\\'')`;
}

const SEVERITY_FIELDS: readonly FieldLook[] = Object.entries(SEVERITY_COLORS).map(([name, color]) => ({ name, color }));
const COUNT_FIELDS: readonly FieldLook[] = [
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
const SEVERITY_WORD: FieldLook = {
  name: 'severity',
  width: 95,
  background: true,
  words: { critical: 'semi-dark-red', warning: 'semi-dark-orange', info: 'semi-dark-blue' },
};
const TIME_FIELD: FieldLook = { name: 'latest', unit: 'dateTimeAsIso', width: 165 };

const variables: readonly Variable[] = [
  {
    kind: 'query',
    name: 'tenant',
    label: 'Tenant',
    description: 'Whose agents. Values are names in hex, so that no name can leave the text it is put into.',
    sql: 'SELECT hex(tenantId) AS __value, tenantId AS __text FROM dashboard_tenants ORDER BY __text',
  },
  {
    kind: 'query',
    name: 'tool',
    label: 'Tool',
    description: 'Tools with executions or alerts in the span. What is about no tool (documents, say) counts as (none).',
    sql: `SELECT DISTINCT hex(tool) AS __value, if(tool = '', '(none)', tool) AS __text
FROM (SELECT tool FROM ${EXECUTIONS} UNION ALL SELECT tool FROM ${ALERTS})
ORDER BY __text`,
  },
  {
    kind: 'choice',
    name: 'interval',
    label: 'Interval',
    description: 'Width of a bar.',
    choices: { '1 minute': '60', '10 minutes': '600', '1 hour': '3600', '6 hours': '21600', '1 day': '86400' },
    chosen: '1 hour',
  },
];

function alertCount(title: string, description: string, condition: string, thresholds = ANY_IS_BAD): Panel {
  return {
    kind: 'stat',
    title,
    description,
    unit: 'short',
    width: 4,
    height: 4,
    thresholds,
    query: { shape: 'table', sql: `SELECT count() AS value FROM ${ALERTS}\nWHERE ${condition} AND ${OF_TOOL}` },
  };
}

function byName(title: string, description: string, column: string, heading: string): Panel {
  return {
    kind: 'table',
    title,
    description,
    unit: 'short',
    width: 8,
    height: 9,
    sortedBy: 'critical',
    fields: COUNT_FIELDS,
    query: {
      shape: 'table',
      sql: `SELECT ${column} AS "${heading}", ${BY_SEVERITY}, uniqExact(tenantId, workflowId) AS workflows
FROM ${ALERTS}
WHERE ${OF_TOOL}
GROUP BY "${heading}"
ORDER BY critical DESC, warning DESC, info DESC
LIMIT 200`,
    },
  };
}

const overview: readonly Panel[] = [
  alertCount(
    'Second effects',
    'Writes that were executed again after they had succeeded, or may have. Each is to be looked at: money moved, mail sent, a record added twice.',
    "rule = 'duplicate_execution' AND severity = 'critical'",
  ),
  alertCount(
    'Divergent retries',
    'A later attempt did something else to the same object than an earlier one had done.',
    "rule = 'divergent_execution' AND severity IN ('critical', 'warning')",
  ),
  alertCount(
    'Foreign documents',
    'Retrievals that returned a document of another tenant: the index lets tenants see one another.',
    "rule = 'foreign_document'",
  ),
  alertCount('Loops', 'Calls repeated in one run with the same answer each time.', "rule = 'execution_loop'", ANY_IS_ODD),
  {
    kind: 'stat',
    title: 'Executions',
    description: 'Physical invocations of tools, each once. Zero where agents run means that their events do not arrive.',
    unit: 'short',
    width: 4,
    height: 4,
    thresholds: NEUTRAL,
    query: { shape: 'table', sql: `SELECT count() AS value FROM ${EXECUTIONS}\nWHERE ${OF_TOOL}` },
  },
  {
    kind: 'stat',
    title: 'Repeats per 1,000 writes',
    description: 'Duplicates of warning and above for every thousand executions that write.',
    unit: 'short',
    width: 4,
    height: 4,
    thresholds: [
      { from: null, color: 'green' },
      { from: 1, color: 'orange' },
      { from: 10, color: 'red' },
    ],
    query: {
      shape: 'table',
      sql: `SELECT round(1000 * (SELECT countIf(rule = 'duplicate_execution' AND severity IN ('critical', 'warning')) FROM ${ALERTS} WHERE ${OF_TOOL})
  / greatest(countIf(effectClass IN ('write', 'idempotent_write')), 1), 2) AS value
FROM ${EXECUTIONS}
WHERE ${OF_TOOL}`,
    },
  },
  {
    kind: 'lines',
    title: 'Alerts by rule',
    description:
      'Alerts of warning and above, at the log time of the event that they are about. A step up after a release names its release.',
    unit: 'short',
    width: 14,
    height: 8,
    style: 'bars',
    stacked: true,
    query: {
      shape: 'time',
      sql: `SELECT ${BUCKET} AS time, toString(rule) AS rule, count() AS alerts
FROM ${ALERTS}
WHERE severity IN ('critical', 'warning') AND ${OF_TOOL}
GROUP BY time, rule
ORDER BY time, rule`,
    },
  },
  {
    kind: 'bars',
    title: 'Alerts by day',
    description: 'All alerts by day (UTC) and severity. Info is what was judged harmless: reads repeated, failures tried again.',
    unit: 'short',
    width: 10,
    height: 8,
    stacked: true,
    fields: SEVERITY_FIELDS,
    query: {
      shape: 'table',
      sql: `SELECT toString(toDate(logTime, 'UTC')) AS day, ${BY_SEVERITY}
FROM ${ALERTS}
WHERE ${OF_TOOL}
GROUP BY day
ORDER BY day`,
    },
  },
];

const where: readonly Panel[] = [
  byName('By tenant', 'Whose workflows the alerts are in.', 'tenantId', 'tenant'),
  byName(
    'By tool',
    'Which tools were repeated. One that leads the list wants an idempotency key, or a ledger before it.',
    "if(tool = '', '(none)', tool)",
    'tool',
  ),
  byName('By agent', 'Which agents repeated them.', "if(agentId = '', '(none)', agentId)", 'agent'),
  {
    kind: 'bars',
    title: 'Causes of duplicates',
    description:
      'Why calls were repeated: a run tried again (run_retry), another plan (replan), the model itself (model_repeat), a retry within the run, at the same time.',
    unit: 'short',
    width: 12,
    height: 8,
    stacked: true,
    fields: SEVERITY_FIELDS,
    query: {
      shape: 'table',
      sql: `SELECT ifNull(toString(cause), '(none)') AS reason, ${BY_SEVERITY}
FROM ${ALERTS}
WHERE rule = 'duplicate_execution' AND ${OF_TOOL}
GROUP BY reason
ORDER BY critical DESC, warning DESC, info DESC`,
    },
  },
  {
    kind: 'table',
    title: 'Foreign documents by data source',
    description: 'Whose documents were returned to whom, and by which data source. Mend its filter, not the agent.',
    unit: 'short',
    width: 12,
    height: 8,
    sortedBy: 'retrievals',
    fields: [TIME_FIELD],
    query: {
      shape: 'table',
      sql: `SELECT tenantId AS tenant, dataSource AS "data source", owner, uniqExact(documentId) AS documents, uniqExact(alertId) AS retrievals,
  uniqExact(workflowId) AS workflows, max(logTime) AS latest
FROM ${FOREIGN}
WHERE owner != tenantId
GROUP BY tenant, "data source", owner
ORDER BY retrievals DESC
LIMIT 200`,
    },
  },
];

const details: readonly Panel[] = [
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

export const OWNERS: Dashboard = {
  uid: 'idemtrace-owners',
  title: 'idemtrace · Effects',
  description: 'Effects that happened twice, otherwise than before, or on another tenant’s documents.',
  tags: ['idemtrace'],
  from: 'now-7d',
  refresh: '1m',
  variables,
  sections: [
    { title: 'Overview', panels: overview },
    { title: 'Where it happens', panels: where },
    { title: 'What to look at', panels: details },
  ],
};

/** For those who own agents and tools: what was done twice, otherwise than before, or on another tenant's documents. */
import { DETAILS } from './owner-details.ts';
import { ALERTS, BUCKET, BY_SEVERITY, COUNT_FIELDS, EXECUTIONS, FOREIGN, OF_TOOL, SEVERITY_FIELDS, TIME_FIELD } from './owner-queries.ts';
import { ANY_IS_BAD, ANY_IS_ODD, type Dashboard, NEUTRAL, type Panel, type Variable } from './panel.ts';

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
    series: 'rule',
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
    { title: 'What to look at', panels: DETAILS },
  ],
};

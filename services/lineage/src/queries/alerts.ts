/** Alerts and what they count up to. */
import type { ClickHouseClient } from '@clickhouse/client';
import type { Alert, Rule, Severity } from '@idemtrace/schemas';
import { askTenant, type TenantScope } from './ask.ts';
import { ALERT_SELECT, type AlertRow, alertOf } from './events.ts';

export interface AlertFilter extends TenantScope {
  readonly workflowId?: string;
  readonly rule?: Rule;
  /** This and worse. */
  readonly severityAtLeast?: Severity;
  /** Log time, ms since the epoch; `to` is left out. */
  readonly from?: number;
  readonly to?: number;
  /** Default 100. */
  readonly limit?: number;
}

const SEVERITY_RANK: Readonly<Record<Severity, number>> = { unspecified: 0, info: 1, warning: 2, critical: 3 };

/** Alerts at their current revision, latest first, each with how many revisions it has had. */
export async function findAlerts(
  client: ClickHouseClient,
  filter: AlertFilter,
): Promise<readonly (Alert & { readonly revisions: number })[]> {
  const { tenantId, workflowId, rule, severityAtLeast, from, to, limit = 100 } = filter;
  const conditions = [
    'tenantId = {tenantId:String}',
    workflowId === undefined ? undefined : 'workflowId = {workflowId:String}',
    rule === undefined ? undefined : 'rule = {rule:String}',
    severityAtLeast === undefined ? undefined : 'severity IN {severities:Array(String)}',
    from === undefined ? undefined : 'a.logTime >= fromUnixTimestamp64Milli({from:Int64})',
    to === undefined ? undefined : 'a.logTime < fromUnixTimestamp64Milli({to:Int64})',
  ].filter((condition) => condition !== undefined);
  const rows = await askTenant<AlertRow>(
    client,
    `${ALERT_SELECT} WHERE ${conditions.join(' AND ')} ORDER BY logTime DESC, partition, offset DESC, alertId LIMIT {limit:UInt32}`,
    {
      tenantId,
      limit,
      ...(workflowId !== undefined && { workflowId }),
      ...(rule !== undefined && { rule }),
      ...(severityAtLeast !== undefined && { severities: severitiesFrom(severityAtLeast) }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
    },
    ['alertId', 'revision', 'severity', 'evidence', 'revisions'],
  );
  return rows.map(alertOf);
}

function severitiesFrom(least: Severity): readonly Severity[] {
  return (Object.keys(SEVERITY_RANK) as Severity[]).filter((severity) => SEVERITY_RANK[severity] >= SEVERITY_RANK[least]);
}

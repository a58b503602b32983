/**
 * Gaps in emitters' sequences: no alert means nothing if events were dropped. And what an operator counts. An emitter serves one tenant and numbers
 * its events from 0, so what a tenant can read is whole, and says nothing of how much the others do.
 */
import type { ClickHouseClient } from '@clickhouse/client';
import { askOperator, askTenant, type Parameters, type TenantScope } from './ask.ts';

export interface SequenceGap {
  readonly emitterId: string;
  /** First and last number that is missing. */
  readonly first: number;
  readonly last: number;
  readonly missing: number;
  /** Log time of the event after the gap, ms since the epoch. */
  readonly logTime: number;
}

/** A gap as an operator sees it. */
export interface OperatorSequenceGap extends SequenceGap {
  readonly tenantId: string;
}

const GAP_COLUMNS = ['emitterId', 'first', 'last', 'missing', 'logTime'] as const;
const EVENT_TABLES = ['run_events', 'tool_call_events', 'retrieval_events'] as const;

/** Numbers between what was seen; before the first one only where the whole history is looked at. */
function gapQuery(columns: string, where: string, sinceStart: boolean): string {
  const sequences = EVENT_TABLES.map((table) => `SELECT tenantId, emitterId, sequence, recordTime FROM ${table} WHERE ${where}`).join(
    ' UNION ALL ',
  );
  return `SELECT ${columns}, before + 1 AS first, sequence - 1 AS last, sequence - before - 1 AS missing, toUnixTimestamp64Milli(recordTime) AS logTime
    FROM (
      SELECT tenantId, emitterId, sequence, recordTime,
        lagInFrame(sequence, 1, ${sinceStart ? '-1' : 'sequence'}) OVER (
          PARTITION BY emitterId ORDER BY sequence ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS before
      FROM (${sequences})
    )
    WHERE sequence - before > 1
    ORDER BY logTime DESC, emitterId, first LIMIT {limit:UInt32}`;
}

export interface GapFilter {
  /** Events from this log time on, ms since the epoch; an emitter's first number is then not expected to be 0. */
  readonly from?: number;
  /** Default 1,000. */
  readonly limit?: number;
}

/**
 * Numbers that this tenant's events leave out, by emitter, latest first. Each is an event that was dropped or is late; what an emitter dropped last
 * shows once it sends again. (An emitter of one's own that numbers several tenants' events in one sequence shows gaps here that are none.)
 */
export function sequenceGaps(client: ClickHouseClient, scope: TenantScope & GapFilter): Promise<readonly SequenceGap[]> {
  const { tenantId, from, limit = 1_000 } = scope;
  const where = `tenantId = {tenantId:String} ${sinceCondition(from)}`;
  return askTenant<SequenceGap>(
    client,
    gapQuery('emitterId', where, from === undefined),
    { tenantId, ...parametersOf(from, limit) },
    GAP_COLUMNS,
  );
}

/** For operators: the same of all tenants. */
export function operatorSequenceGaps(client: ClickHouseClient, filter: GapFilter = {}): Promise<readonly OperatorSequenceGap[]> {
  const { from, limit = 1_000 } = filter;
  return askOperator<OperatorSequenceGap>(
    client,
    gapQuery('tenantId, emitterId', `true ${sinceCondition(from)}`, from === undefined),
    parametersOf(from, limit),
    ['tenantId', ...GAP_COLUMNS],
  );
}

function sinceCondition(from: number | undefined): string {
  return from === undefined ? '' : 'AND recordTime >= fromUnixTimestamp64Milli({from:Int64})';
}

function parametersOf(from: number | undefined, limit: number): Parameters {
  return from === undefined ? { limit } : { from, limit };
}

export interface LineageCounts {
  /** Events, each once. */
  readonly events: number;
  readonly executions: number;
  readonly alerts: number;
  /** Revisions of alerts, each once. */
  readonly alertRevisions: number;
  readonly deadLetters: number;
  /** Records that came again, of events, alerts and dead letters. */
  readonly redeliveries: number;
}

/** For operators: how much there is, across tenants. */
export async function operatorCounts(client: ClickHouseClient): Promise<LineageCounts> {
  const [counts] = await askOperator<LineageCounts>(
    client,
    `SELECT
       (SELECT count() FROM events) AS events,
       (SELECT count() FROM executions) AS executions,
       (SELECT count() FROM current_alerts) AS alerts,
       (SELECT sum(revisions) FROM current_alerts) AS alertRevisions,
       (SELECT count() FROM dead_letters_once) AS deadLetters,
       (SELECT sum(redeliveries) FROM events) + (SELECT sum(redeliveries) FROM current_alerts)
         + (SELECT sum(redeliveries) FROM dead_letters_once) AS redeliveries`,
    {},
    ['events', 'executions', 'alerts', 'alertRevisions', 'deadLetters', 'redeliveries'],
  );
  return counts ?? { events: 0, executions: 0, alerts: 0, alertRevisions: 0, deadLetters: 0, redeliveries: 0 };
}

/** How long rows are kept: a TTL of each table on log time, set apart from the migrations, so that it can change without a new one. */
import type { ClickHouseClient } from '@clickhouse/client';
import { type LineageCluster, onCluster, storedIn } from './deployment.ts';
import { define } from './migrate.ts';
import { quoteName } from './sql.ts';

/** Tables with rows of their own, and the time that they age by. */
export const AGING_TABLES = {
  run_events: 'recordTime',
  tool_call_events: 'recordTime',
  retrieval_events: 'recordTime',
  alerts: 'recordTime',
  dead_letters: 'recordTime',
  operational_samples: 'time',
} as const;

export type AgingTable = keyof typeof AGING_TABLES;

/** Whole days, at least 1, for each table that is named; the others stay as they are. */
export type RetentionDays = { readonly [T in AgingTable]?: number };

export interface RetentionChange {
  readonly table: AgingTable;
  /** Undefined where rows were kept for ever, or by a rule of another form. */
  readonly before: number | undefined;
  readonly after: number;
}

/** The same number of days for events, alerts and dead letters. */
export function retentionOf(days: number): RetentionDays {
  return { run_events: days, tool_call_events: days, retrieval_events: days, alerts: days, dead_letters: days };
}

/** What sets a retention. Throws RangeError where the days are no whole number from 1 on. */
export function retentionStatement(table: AgingTable, days: number, cluster?: LineageCluster): string {
  if (!Number.isSafeInteger(days) || days < 1)
    throw new RangeError(`The retention of ${table} is a whole number of days, at least 1: ${days}`);
  return [
    'ALTER TABLE',
    quoteName(storedIn(table, cluster)),
    onCluster(cluster),
    `MODIFY TTL toDateTime(${AGING_TABLES[table]}) + INTERVAL ${days} DAY`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/**
 * Brings the tables to these retentions, and answers with what it changed: nothing, the second time. Rows that are too old by the new rule go
 * when ClickHouse next merges, within hours; what is kept longer from now on is not brought back. Throws RangeError, and what ClickHouse throws.
 */
export async function applyRetention(
  client: ClickHouseClient,
  days: RetentionDays,
  cluster?: LineageCluster,
): Promise<readonly RetentionChange[]> {
  const wanted = (Object.keys(AGING_TABLES) as AgingTable[]).flatMap((table) => {
    const after = days[table];
    return after === undefined ? [] : [{ table, after, query: retentionStatement(table, after, cluster) }];
  });
  const current = await currentRetention(client, cluster);
  const changes: RetentionChange[] = [];
  for (const { table, after, query } of wanted) {
    const before = current.get(table);
    if (before === after) continue;
    await define(client, query, cluster);
    changes.push({ table, before, after });
  }
  return changes;
}

const TTL = /\bTTL toDateTime\((\w+)\) \+ toIntervalDay\((\d+)\)/;

/** Days that each table keeps its rows; a table that keeps them for ever, or by a rule of another form, is left out. */
export async function currentRetention(client: ClickHouseClient, cluster?: LineageCluster): Promise<ReadonlyMap<AgingTable, number>> {
  const result = await client.query({
    query: 'SELECT name, engine_full AS engine FROM system.tables WHERE database = currentDatabase()',
    format: 'JSONEachRow',
  });
  const engines = new Map((await result.json<{ name: string; engine: string }>()).map(({ name, engine }) => [name, engine]));
  const retention = new Map<AgingTable, number>();
  for (const [table, column] of Object.entries(AGING_TABLES) as [AgingTable, string][]) {
    const [, of, days] = TTL.exec(engines.get(storedIn(table, cluster)) ?? '') ?? [];
    if (of === column) retention.set(table, Number(days));
  }
  return retention;
}

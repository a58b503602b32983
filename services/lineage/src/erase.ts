/** Takes a tenant out of every table, and counts what was there and what is left. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { TENANT_TABLES } from './access.ts';
import { type LineageCluster, onCluster, storedIn } from './deployment.ts';
import { define } from './migrate.ts';
import { askOperator } from './queries/ask.ts';
import { quoteName, quoteText } from './sql.ts';

/** A bad record as a dead letter holds it. */
export interface LetterContent {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface LineageErasure {
  readonly tenantId: string;
  /** What the keys of the tenant's records begin with: dead letters have no tenant of their own. */
  readonly keyPrefix: string;
  /** Whether a dead letter is the tenant's whose key does not say so. */
  readonly belongs: (letter: LetterContent) => Promise<boolean>;
  readonly cluster?: LineageCluster | undefined;
  /**
   * Copies what stays into a new table that takes the old one's place, instead of deleting rows: the files of the old one go at once, those of parts
   * that were merged before included. For the embedded engine, which keeps the files of a mutation's old parts; nobody else may write meanwhile.
   */
  readonly copies?: boolean;
  /** Told of each table before it is looked at. */
  readonly onTable?: (table: string) => void;
  /** How long a table's deletion is waited for, ms. Default: ten minutes. */
  readonly patienceMs?: number;
}

export interface ErasedTable {
  readonly table: string;
  readonly found: number;
  readonly removed: number;
  /** Above 0 where the deletion is still under way when its time is over: it goes on. */
  readonly left: number;
}

const PATIENCE_MS = 10 * 60_000;
const POLL_MS = 100;

/** Throws what ClickHouse throws, and SqlTextError for a tenant that no SQL can name. */
export async function eraseTenant(client: ClickHouseClient, erasure: LineageErasure): Promise<readonly ErasedTable[]> {
  const erased: ErasedTable[] = [];
  const tenants = `tenantId = ${quoteText(erasure.tenantId)}`;
  for (const table of TENANT_TABLES) {
    erasure.onTable?.(table);
    erased.push(await eraseRows(client, table, tenants, erasure));
  }
  erasure.onTable?.('dead_letters');
  erased.push(await eraseRows(client, 'dead_letters', await lettersOf(client, erasure), erasure));
  return erased;
}

/** Keys of the tenant's workflows (`workflowId`), as lineage knows them. */
export async function workflowsOfTenant(client: ClickHouseClient, tenantId: string): Promise<readonly string[]> {
  const selects = TENANT_TABLES.map((table) => `SELECT DISTINCT workflowId FROM ${table} WHERE tenantId = {tenantId:String}`);
  const rows = await askOperator<{ workflowId: string }>(client, selects.join(' UNION DISTINCT '), { tenantId }, ['workflowId']);
  return rows.map(({ workflowId }) => workflowId);
}

/** What deletes rows: a mutation, which writes the parts anew without them. A lightweight delete would only hide them until some merge. */
export function deletionStatement(table: string, condition: string, cluster?: LineageCluster): string {
  return ['ALTER TABLE', quoteName(storedIn(table, cluster)), onCluster(cluster), 'DELETE WHERE', condition]
    .filter((part) => part !== '')
    .join(' ');
}

async function eraseRows(
  client: ClickHouseClient,
  table: string,
  condition: string,
  { cluster, copies = false, patienceMs = PATIENCE_MS }: LineageErasure,
): Promise<ErasedTable> {
  const found = await count(client, table, condition);
  if (copies) {
    await copy(client, table, condition);
    const left = await count(client, table, condition);
    return { table, found, removed: found - left, left };
  }
  if (found === 0) return { table, found, removed: 0, left: 0 };
  await define(client, deletionStatement(table, condition, cluster), cluster);
  const until = performance.now() + patienceMs;
  let left = found;
  while (left > 0 && performance.now() < until) {
    await delay(POLL_MS);
    left = await count(client, table, condition);
  }
  return { table, found, removed: found - left, left };
}

async function count(client: ClickHouseClient, table: string, condition: string): Promise<number> {
  const [row] = await askOperator<{ found: number }>(client, `SELECT count() AS found FROM ${quoteName(table)} WHERE ${condition}`, {}, [
    'found',
  ]);
  return row?.found ?? 0;
}

const PAGE = 100;

interface LetterRow {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly letterKey: string | null;
  readonly letterValue: string | null;
}

/**
 * The dead letters that are the tenant's, as a condition: those whose key says so, and by their places those that say so otherwise. A place holds
 * one bad record, however often it came.
 */
async function lettersOf(client: ClickHouseClient, { tenantId, keyPrefix, belongs }: LineageErasure): Promise<string> {
  const byKey = `startsWith(ifNull(base64Decode(keyBase64), ''), ${quoteText(keyPrefix)})`;
  const named = `position(ifNull(base64Decode(valueBase64), ''), ${quoteText(tenantId)}) > 0`;
  const places: string[] = [];
  let after = `('', -1, -1)`;
  for (;;) {
    const rows: readonly LetterRow[] = await askOperator<LetterRow>(
      client,
      `SELECT topic, partition, offset, any(keyBase64) AS letterKey, any(valueBase64) AS letterValue FROM dead_letters
       WHERE NOT ${byKey} AND ${named} AND (topic, partition, offset) > ${after}
       GROUP BY topic, partition, offset ORDER BY topic, partition, offset LIMIT ${PAGE}`,
      {},
      ['topic', 'partition', 'offset', 'letterKey', 'letterValue'],
    );
    for (const { topic, partition, offset, letterKey, letterValue } of rows) {
      after = `(${quoteText(topic)}, ${partition}, ${offset})`;
      if (await belongs({ key: decoded(letterKey), value: decoded(letterValue) })) places.push(after);
    }
    if (rows.length < PAGE) break;
  }
  return places.length === 0 ? byKey : `(${byKey} OR (topic, partition, offset) IN (${places.join(', ')}))`;
}

function decoded(base64: string | null): Buffer | null {
  return base64 === null ? null : Buffer.from(base64, 'base64');
}

/** One that was broken off leaves the copy, or, in its place, the old table: neither is missed. */
async function copy(client: ClickHouseClient, table: string, condition: string): Promise<void> {
  const [name, copied] = [quoteName(table), quoteName(`${table}_copied`)];
  await client.command({ query: `DROP TABLE IF EXISTS ${copied} SYNC` });
  await client.command({ query: `CREATE TABLE ${copied} AS ${name}` });
  await client.command({ query: `INSERT INTO ${copied} SELECT * FROM ${name} WHERE NOT (${condition})` });
  await client.command({ query: `EXCHANGE TABLES ${name} AND ${copied}` });
  await client.command({ query: `DROP TABLE ${copied} SYNC` });
}

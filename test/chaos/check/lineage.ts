/** What is in lineage, held against what was written and published. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Config, operatorCounts, queryLineage } from 'idemtrace/internal';
import { differenceOf } from './difference.ts';

export interface LineageExpected {
  /** `partition/offset` of every event's record. */
  readonly positions: readonly string[];
  readonly events: number;
  readonly redeliveries: number;
  readonly alerts: number;
  readonly alertRevisions: number;
  readonly deadLetters: number;
}

const EVENT_TABLES = ['run_events', 'tool_call_events', 'retrieval_events'];
const POLL_MS = 500;

/** Waits until as much is there as there must be, or for so many ms; then says how it differs. */
export async function lineageDifferences(config: Config, expected: LineageExpected, withinMs: number): Promise<readonly string[]> {
  const { positions, ...counts } = expected;
  const { client, close } = await queryLineage(config);
  try {
    const deadline = performance.now() + withinMs;
    let actual = await operatorCounts(client).catch(() => undefined);
    while (!isAsMuch(actual, counts) && performance.now() < deadline) {
      await delay(POLL_MS);
      actual = await operatorCounts(client).catch(() => undefined);
    }
    if (actual === undefined) return ['lineage does not answer'];
    const found = actual as unknown as Record<string, number>;
    const differences = Object.entries(counts).flatMap(([what, count]) =>
      found[what] === count ? [] : [`lineage has ${found[what]} ${what}, not ${count}`],
    );
    const union = EVENT_TABLES.map((table) => `SELECT recordPartition, recordOffset FROM ${table}`).join(' UNION ALL ');
    const rows = await client.query({
      query: `SELECT DISTINCT concat(toString(recordPartition), '/', toString(recordOffset)) FROM (${union})`,
      format: 'JSONCompactEachRow',
    });
    const stored = (await rows.json<readonly [string]>()).map(([position]) => position);
    return [...differences, ...differenceOf('row of an event', positions, stored)];
  } finally {
    await close();
  }
}

function isAsMuch(actual: object | undefined, counts: Readonly<Record<string, number>>): boolean {
  const found = actual as Readonly<Record<string, number>> | undefined;
  return found !== undefined && Object.entries(counts).every(([what, count]) => (found[what] ?? 0) >= count);
}

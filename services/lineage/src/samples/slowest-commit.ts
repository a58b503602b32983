import type { ClickHouseClient } from '@clickhouse/client';
import { askOperator } from '../queries/ask.ts';

/** Longest commit of a detector's batch within the last while (99th percentiles of ten seconds each), ms; undefined where none was measured. */
export async function slowestCommit(client: ClickHouseClient, withinMs: number): Promise<number | undefined> {
  const [row] = await askOperator<{ slowest: number | null }>(
    client,
    `SELECT maxOrNull(value) AS slowest FROM operational_samples
     WHERE kind = 'detector' AND metric = 'commit_ms_p99' AND time > now64(3) - toIntervalMillisecond({withinMs:UInt64}) AND isFinite(value)`,
    { withinMs },
    ['slowest'],
  );
  return row?.slowest ?? undefined;
}

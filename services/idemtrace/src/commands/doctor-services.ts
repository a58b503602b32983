/** `doctor` on real services: Kafka, registry, Redis, ClickHouse. */
import { checkRedis } from '@idemtrace/detector/redis';
import { checkLineage, connectLineage, retentionOf, slowestCommit } from '@idemtrace/lineage';
import { transactionTimeoutMs } from '@idemtrace/stream/kafka';
import type { Config } from '../config/index.ts';
import { windowsAdapter } from '../pipeline/adapters.ts';
import { clusterOf, lineageServer, retentionDays } from '../pipeline/lineage.ts';
import { type Check, checksOf } from './doctor-check.ts';
import { checkKafka } from './doctor-kafka.ts';

const HOUR_MS = 3_600_000;

export async function checkServices(config: Config): Promise<readonly Check[]> {
  const [log, windows, lineage] = await Promise.all([checkKafka(config), checkWindows(config), checkServer(config)]);
  return [...log, ...windows, ...lineage];
}

async function checkWindows(config: Config): Promise<readonly Check[]> {
  const adapter = windowsAdapter(config);
  if (adapter.kind === 'memory') {
    const mend = 'Set IDEMTRACE_REDIS_URL: windows in memory are rebuilt from the log at every start, and each detector holds its own.';
    return [{ name: 'Redis', verdict: 'warn', found: 'none is configured', mend }];
  }
  const { version, findings } = await checkRedis(adapter.options);
  return checksOf('Redis', `version ${version}, noeviction, append-only`, findings);
}

async function checkServer(config: Config): Promise<readonly Check[]> {
  const address = lineageServer(config);
  if (config.lineage.mode === 'off') return [{ name: 'ClickHouse', verdict: 'pass', found: 'off (lineage.mode)' }];
  if (address === undefined) {
    const mend = 'Set IDEMTRACE_CLICKHOUSE_URL, or lineage.mode to off.';
    return [{ name: 'ClickHouse', verdict: 'warn', found: 'no server is configured', mend }];
  }
  const client = connectLineage(address);
  try {
    const retention = retentionOf(retentionDays(config));
    const { version, findings } = await checkLineage(client, { cluster: clusterOf(config), retention });
    const checks = checksOf('ClickHouse', `version ${version}, schema up to date`, findings);
    return findings.some(({ severity }) => severity === 'error') ? checks : [...checks, ...(await checkCommits(client))];
  } finally {
    await client.close();
  }
}

/** A transaction that takes longer than its timeout is aborted by the broker, judged again, and may never end. */
async function checkCommits(client: ReturnType<typeof connectLineage>): Promise<readonly Check[]> {
  const slowest = await slowestCommit(client, HOUR_MS);
  if (slowest === undefined || slowest < transactionTimeoutMs / 2) return [];
  const found = `a batch's transaction took ${Math.round(slowest)} ms within the last hour, and is aborted after ${transactionTimeoutMs}`;
  const verdict = slowest < transactionTimeoutMs ? 'warn' : 'fail';
  return [{ name: 'transactions', verdict, found, mend: 'Lower batch.maxRecords, or see what keeps the brokers.' }];
}

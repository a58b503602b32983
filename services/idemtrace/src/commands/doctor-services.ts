/** `doctor` on real services: Kafka, registry, Redis, ClickHouse. */
import { checkRedis } from '@idemtrace/detector/redis';
import { checkLineage, connectLineage, retentionOf } from '@idemtrace/lineage';
import type { Config } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';
import { windowsAdapter } from '../pipeline/adapters.ts';
import { lagOf } from '../pipeline/lag.ts';
import { clusterOf, lineageServer } from '../pipeline/lineage.ts';
import { openStore } from '../pipeline/store.ts';
import { type Check, checksOf, type Finding } from './doctor-check.ts';
import { setupFindings } from './topics.ts';

const DAY_MS = 86_400_000;

export async function checkServices(config: Config): Promise<readonly Check[]> {
  const [log, windows, lineage] = await Promise.all([checkLog(config), checkWindows(config), checkServer(config)]);
  return [...log, ...windows, ...lineage];
}

async function checkLog(config: Config): Promise<readonly Check[]> {
  const { kafka, topics, groups } = config;
  const name = 'Kafka and registry';
  try {
    const findings = (await setupFindings(config)).map(
      ({ what, ...rest }): Finding => ({
        severity: HARMLESS.some((setting) => what.endsWith(setting)) ? 'warning' : 'error',
        setting: what,
        ...rest,
      }),
    );
    const checks = checksOf(
      name,
      `${kafka.brokers?.join(', ')}, ${topics.partitions} partitions, topics and schemas as they should be`,
      findings,
    );
    const replicas: readonly Check[] =
      kafka.replicationFactor > 1
        ? []
        : [
            {
              name: `${name}, replication`,
              verdict: 'warn',
              found: 'kafka.replicationFactor is 1: a broker that is lost takes acknowledged events with it',
              mend: 'For development only. Set IDEMTRACE_KAFKA_REPLICATION_FACTOR=3 and IDEMTRACE_KAFKA_MIN_INSYNC_REPLICAS=2, and reassign the topics.',
            },
          ];
    if (findings.some(({ severity }) => severity === 'error')) return [...checks, ...replicas];
    const store = await openStore(config);
    try {
      const lag = await lagOf(store.log, topics.events, groups.detector);
      const judged: Check =
        lag === 0
          ? { name: 'detector', verdict: 'pass', found: 'all events are judged' }
          : {
              name: 'detector',
              verdict: 'warn',
              found: `${lag} events are not judged yet`,
              mend: 'Where that number stays: start `idemtrace detector`.',
            };
      return [...checks, ...replicas, judged];
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [{ name, verdict: 'fail', found: error.message, mend: 'Check that it runs, and the settings kafka.* and registry.*.' }];
  }
}

/** Differences that lose nothing. */
const HARMLESS = ['min.insync.replicas', 'replication.factor', 'compatibility'] as const;

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
    const retention = retentionOf(Math.floor(config.lineage.retention / DAY_MS));
    const { version, findings } = await checkLineage(client, { cluster: clusterOf(config), retention });
    return checksOf('ClickHouse', `version ${version}, schema up to date`, findings);
  } finally {
    await client.close();
  }
}

/** `doctor` on Kafka and the registry. */
import { rebuildMs } from '@idemtrace/detector';
import { formatDuration } from '@idemtrace/detector/policy';
import type { EventLog } from '@idemtrace/stream';
import { checkKafkaCluster, groupsReading } from '@idemtrace/stream/kafka';
import type { Config } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';
import { logAdapter } from '../pipeline/adapters.ts';
import { lagOf } from '../pipeline/lag.ts';
import { openStore, reached } from '../pipeline/store.ts';
import { type Check, checksOf, type Finding } from './doctor-check.ts';
import { setupFindings } from './topics.ts';

const NAME = 'Kafka and registry';

export async function checkKafka(config: Config): Promise<readonly Check[]> {
  const { kafka, topics } = config;
  const brokers = kafka.brokers ?? [];
  try {
    const findings = (await setupFindings(config)).map(
      ({ what, ...rest }): Finding => ({ severity: severityOf(what, brokers), setting: what, ...rest }),
    );
    const whole = `${brokers.join(', ')}, ${topics.partitions} partitions, topics and schemas as they should be`;
    const checks = [...checksOf(NAME, whole, findings), ...durabilityChecks(config), ...(await checkCluster(config))];
    if (findings.some(({ severity }) => severity === 'error')) return checks;
    const store = await openStore(config);
    try {
      return [...checks, ...(await checkReach(config, store.log)), await checkJudged(config, store.log)];
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [{ name: NAME, verdict: 'fail', found: error.message, mend: 'Check that it runs, and the settings kafka.* and registry.*.' }];
  }
}

/** What a lost broker takes with it is nothing to a machine that is all there is. */
function isDevelopment(brokers: readonly string[]): boolean {
  return brokers.every((broker) => /^(127\.[\d.]+|localhost|\[::1\]):/.test(broker));
}

const DURABILITY = ['min.insync.replicas', 'transaction.state.log.min.isr', 'replication.factor'];

function severityOf(setting: string, brokers: readonly string[]): Finding['severity'] {
  if (setting.endsWith('compatibility')) return 'warning';
  return DURABILITY.some((name) => setting.endsWith(name)) && isDevelopment(brokers) ? 'warning' : 'error';
}

/** What is configured that a cluster then is, as it is asked to be. */
export function durabilityChecks({ kafka }: Pick<Config, 'kafka'>): readonly Check[] {
  const verdict = isDevelopment(kafka.brokers ?? []) ? 'warn' : 'fail';
  const mend =
    'For development only. Set IDEMTRACE_KAFKA_REPLICATION_FACTOR=3 and IDEMTRACE_KAFKA_MIN_INSYNC_REPLICAS=2, and reassign the topics.';
  if (kafka.replicationFactor === 1) {
    const found = 'kafka.replicationFactor is 1: a broker that is lost takes acknowledged events with it';
    return [{ name: `${NAME}, replication`, verdict, found, mend }];
  }
  if (kafka.minInsyncReplicas === 1) {
    const found = 'kafka.minInsyncReplicas is 1: what one broker alone has acknowledged is lost with it';
    return [{ name: `${NAME}, replication`, verdict, found, mend }];
  }
  return [];
}

async function checkCluster(config: Config): Promise<readonly Check[]> {
  const { kafka, topics, groups } = config;
  const adapter = logAdapter(config, false);
  if (adapter.kind !== 'kafka') return [];
  const { replicationFactor, minInsyncReplicas } = kafka;
  const what = `Kafka at ${kafka.brokers?.join(', ')}`;
  const found = await reached(what, () => checkKafkaCluster(adapter.options, { replicationFactor, minInsyncReplicas }));
  const findings = found.map(
    ({ setting, actual, wanted }): Finding => ({
      severity: severityOf(setting, kafka.brokers ?? []),
      setting,
      actual,
      wanted,
      mend: setting.startsWith('topic ')
        ? `Reassign its partitions to ${replicationFactor} brokers: Kafka keeps offsets and transactions in it.`
        : 'Set it in the broker’s server.properties, and restart the broker.',
    }),
  );
  const readers = await reached(what, () => groupsReading(adapter.options, topics.alerts, [groups.lineage]));
  return [...checksOf('brokers', 'transactions and sessions as long as they are needed', findings), ...subscribersCheck(readers)];
}

/** Groups' members do not tell the broker how they read, so that nobody can look: it is said, and not passed over. */
function subscribersCheck(readers: readonly string[]): readonly Check[] {
  if (readers.length === 0) return [];
  const found = `${readers.join(', ')}: each must read committed records alone (isolation.level=read_committed, as @idemtrace/sdk/alerts does), which no broker tells`;
  return [{ name: 'subscribers of alerts', verdict: 'pass', found }];
}

/** The oldest event that a partition still holds: where that is younger than a window, windows that are lost come back with gaps. */
export async function checkReach({ topics, window }: Config, log: EventLog, now: number = Date.now()): Promise<readonly Check[]> {
  const bounds = await log.bounds(topics.events);
  const needed = rebuildMs(window.length);
  let shortest: { readonly partition: number; readonly ms: number } | undefined;
  for (const [partition, { low, high }] of bounds.entries()) {
    // From the first record ever on nothing was cut.
    if (low === 0 || low === high) continue;
    for await (const { logTime } of log.tail(topics.events, { partition })) {
      const ms = now - logTime;
      if (ms < (shortest?.ms ?? needed)) shortest = { partition, ms };
      break;
    }
  }
  if (shortest === undefined) return [];
  const found = `partition ${shortest.partition} of ${topics.events} reaches back ${formatDuration(shortest.ms - (shortest.ms % 1000))}, wanted ${formatDuration(needed)}`;
  const mend = `Raise the topic's retention.ms or retention.bytes (topics.retention, topics.retentionBytes): windows that are lost now are rebuilt with gaps, and alerts say windowComplete false.`;
  return [{ name: 'log', verdict: 'fail', found, mend }];
}

async function checkJudged({ topics, groups }: Config, log: EventLog): Promise<Check> {
  const lag = await lagOf(log, topics.events, groups.detector);
  if (lag === 0) return { name: 'detector', verdict: 'pass', found: 'all events are judged' };
  const mend = 'Where that number stays: start `idemtrace detector`.';
  return { name: 'detector', verdict: 'warn', found: `${lag} events are not judged yet`, mend };
}

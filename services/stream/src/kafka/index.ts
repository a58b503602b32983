import type { KafkaConfig } from 'kafkajs';
import type { EventLog } from '../port.ts';
import { readZstd } from './compression.ts';
import { Connection } from './connection.ts';
import { sessionTimeoutMs as defaultSessionTimeoutMs } from './defaults.ts';
import { KafkaEventLog } from './log.ts';
import { Producers } from './producers.ts';
import { type KafkaClientOptions, type KafkaLogOptions, kafkaSettings } from './settings.ts';
import { withAdmin } from './topics.ts';

export { type ClusterFinding, checkKafkaCluster, groupsReading, type WantedCluster } from './cluster-check.ts';
export type { Connection } from './connection.ts';
export { transactionTimeoutMs } from './defaults.ts';
export { boundsOf, committedOf } from './positions.ts';
export {
  type KafkaClientOptions,
  type KafkaLogOptions,
  type KafkaReport,
  type KafkaSasl,
  type KafkaTls,
  kafkaSettings,
} from './settings.ts';
export { checkKafkaTopics, type TopicFinding, type WantedTopics } from './topic-check.ts';

/**
 * Opens the event log of a Kafka cluster. Throws `LogError`: `log_away` where no broker answers, `not_allowed` where the cluster refuses the client.
 * Each partition that a subscription owns has a producer with connections of its own: about 50 partitions a process are the limit to plan with.
 */
export function openKafkaLog(options: KafkaLogOptions): Promise<EventLog> {
  return openWith(options, {});
}

/** The same, with settings of kafkajs put over ours. */
export async function openWith(options: KafkaLogOptions, overrides: Partial<KafkaConfig>): Promise<EventLog> {
  readZstd();
  const { sessionTimeoutMs = defaultSessionTimeoutMs, replicationFactor, minInsyncReplicas, report = () => undefined } = options;
  if (options.sasl?.mechanism === 'plain' && (options.tls ?? false) === false)
    report('warn', 'The password for Kafka goes over the network as it is: use TLS, or a SCRAM mechanism.');
  const settings = { ...kafkaSettings(options), ...overrides };
  const { clusterId } = await withAdmin(settings, 'The Kafka cluster could not be opened', (admin) => admin.describeCluster());
  return new KafkaEventLog({
    id: clusterId,
    settings,
    connection: new Connection(settings),
    producers: new Producers(settings, options),
    creation: { replicationFactor, minInsyncReplicas },
    sessionTimeoutMs,
    report,
  });
}

/** Questions to a cluster without a log: where partitions end, where groups stand. Nothing is connected before the first. */
export function connectionTo(options: KafkaClientOptions): Connection {
  return new Connection(kafkaSettings(options));
}

/** What of a cluster as a whole, and of its brokers, would break what the event log promises; topics have their own check. */
import kafkajs, { type Admin } from 'kafkajs';
import { sessionTimeoutMs, transactionTimeoutMs } from './defaults.ts';
import { kindOf } from './faults.ts';
import { type KafkaClientOptions, kafkaSettings } from './settings.ts';
import { withAdmin } from './topics.ts';

export interface ClusterFinding {
  /** A setting of a broker (`broker 1, …`), or a topic of Kafka's own. */
  readonly setting: string;
  readonly actual: string;
  readonly wanted: string;
}

export interface WantedCluster {
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
}

export interface BrokerSettings {
  readonly broker: string;
  readonly settings: ReadonlyMap<string, string>;
}

/** Kafka keeps groups' offsets and open transactions in these: what is lost of them is judged again, or left open. */
const OWN_TOPICS = ['__consumer_offsets', '__transaction_state'] as const;

/** Throws a `LogError` where the cluster cannot be asked. What this client may not ask is passed over. */
export async function checkKafkaCluster(options: KafkaClientOptions, wanted: WantedCluster): Promise<readonly ClusterFinding[]> {
  return withAdmin(kafkaSettings(options), 'The cluster could not be checked', async (admin) => {
    const [brokers, topics] = [await brokersOf(admin), await ownTopicsOf(admin)];
    return [...brokers.flatMap((broker) => compareBroker(broker, wanted)), ...topics.flatMap((topic) => compareOwnTopic(topic, wanted))];
  });
}

async function brokersOf(admin: Admin): Promise<readonly BrokerSettings[]> {
  const { brokers } = await admin.describeCluster();
  const { ConfigResourceTypes } = kafkajs;
  try {
    // Each is asked of itself: kafkajs sends all that it is asked at once to one of them.
    const answers = [];
    for (const { nodeId } of brokers) {
      const resources = [{ type: ConfigResourceTypes.BROKER, name: String(nodeId) }];
      answers.push(...(await admin.describeConfigs({ includeSynonyms: false, resources })).resources);
    }
    return answers.map(({ resourceName, configEntries }) => ({
      broker: resourceName,
      settings: new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    }));
  } catch (error) {
    if (kindOf(error) === 'not_allowed') return [];
    throw error;
  }
}

export function compareBroker({ broker, settings }: BrokerSettings, { minInsyncReplicas }: WantedCluster): readonly ClusterFinding[] {
  const bound = (name: string, wanted: number, isKept: (actual: number) => boolean): readonly ClusterFinding[] => {
    const actual = settings.get(name);
    if (actual === undefined || isKept(Number(actual))) return [];
    return [{ setting: `broker ${broker}, ${name}`, actual, wanted: String(wanted) }];
  };
  const [least, most] = [
    (wanted: number) => (actual: number) => actual >= wanted,
    (wanted: number) => (actual: number) => actual <= wanted,
  ];
  return [
    // A transaction that may not be as long as ours is refused before it begins.
    ...bound('transaction.max.timeout.ms', transactionTimeoutMs, least(transactionTimeoutMs)),
    ...bound('group.min.session.timeout.ms', sessionTimeoutMs, most(sessionTimeoutMs)),
    ...bound('group.max.session.timeout.ms', sessionTimeoutMs, least(sessionTimeoutMs)),
    ...bound('transaction.state.log.min.isr', minInsyncReplicas, least(minInsyncReplicas)),
  ];
}

export interface OwnTopic {
  readonly name: string;
  /** Replicas of each partition. */
  readonly replicas: readonly number[];
}

async function ownTopicsOf(admin: Admin): Promise<readonly OwnTopic[]> {
  const topics: OwnTopic[] = [];
  for (const name of OWN_TOPICS) {
    try {
      const { topics: found } = await admin.fetchTopicMetadata({ topics: [name] });
      topics.push({ name, replicas: found.flatMap(({ partitions }) => partitions.map(({ replicas }) => replicas.length)) });
    } catch (error) {
      // It is made at its first use.
      if (!isUntold(error)) throw error;
    }
  }
  return topics;
}

export function compareOwnTopic({ name, replicas }: OwnTopic, { replicationFactor }: WantedCluster): readonly ClusterFinding[] {
  const least = Math.min(...replicas);
  if (replicas.length === 0 || least >= replicationFactor) return [];
  return [{ setting: `topic ${name}, replication.factor`, actual: String(least), wanted: String(replicationFactor) }];
}

/**
 * Groups that have read a topic, beside those that are named; none where there is no such topic, or this client may not ask. How they read it,
 * committed records alone or not, no broker tells.
 */
export function groupsReading(options: KafkaClientOptions, topic: string, except: readonly string[]): Promise<readonly string[]> {
  return withAdmin(kafkaSettings(options), `Groups of topic ${topic}`, async (admin) => {
    try {
      return await readersOf(admin, topic, except);
    } catch (error) {
      if (isUntold(error)) return [];
      throw error;
    }
  });
}

const MOST_GROUPS = 200;

async function readersOf(admin: Admin, topic: string, except: readonly string[]): Promise<readonly string[]> {
  const { groups } = await admin.listGroups();
  const readers: string[] = [];
  for (const { groupId } of groups.slice(0, MOST_GROUPS)) {
    if (except.includes(groupId)) continue;
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
    if (offsets?.partitions.some(({ offset }) => Number(offset) >= 0) === true) readers.push(groupId);
  }
  return readers;
}

function isUntold(error: unknown): boolean {
  return ['unknown_topic', 'not_allowed'].includes(kindOf(error));
}

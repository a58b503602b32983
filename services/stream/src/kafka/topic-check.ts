import type { TopicSpec } from '../port.ts';
import { Connection } from './connection.ts';
import { type KafkaClientOptions, kafkaSettings } from './settings.ts';
import { settingsOf, Topics, withAdmin } from './topics.ts';

/** A setting of a topic that differs from what is wanted. `null`: there is no such topic. */
export interface TopicFinding {
  readonly topic: string;
  readonly setting:
    | 'partitions'
    | 'replication.factor'
    | 'message.timestamp.type'
    | 'cleanup.policy'
    | 'retention.ms'
    | 'retention.bytes'
    | 'max.message.bytes'
    | 'min.insync.replicas'
    | 'unclean.leader.election.enable';
  readonly actual: string | null;
  readonly wanted: string;
}

export interface WantedTopics {
  readonly specs: readonly TopicSpec[];
  readonly replicationFactor?: number;
  readonly minInsyncReplicas?: number;
}

/** Compares topics of a cluster with what is wanted of them. Throws a `LogError` where the cluster cannot be asked. */
export async function checkKafkaTopics(options: KafkaClientOptions, wanted: WantedTopics): Promise<readonly TopicFinding[]> {
  const config = kafkaSettings(options);
  const connection = new Connection(config);
  try {
    const topics = new Topics(connection, config);
    const found = await Promise.all(wanted.specs.map(async (spec) => ({ spec, topic: await topics.look(spec.name) })));
    const present = found.filter(({ topic }) => topic !== undefined).map(({ spec }) => spec.name);
    return await withAdmin(config, 'Topics could not be checked', async (admin) => {
      const settings = present.length === 0 ? new Map() : await settingsOf(admin, present);
      const { topics: metadata } = present.length === 0 ? { topics: [] } : await admin.fetchTopicMetadata({ topics: present });
      return found.flatMap(({ spec, topic }) => {
        if (topic === undefined) return finding(spec.name, 'partitions', null, String(spec.partitions));
        const replicas = metadata.find(({ name }) => name === spec.name)?.partitions.map((partition) => partition.replicas.length) ?? [];
        return compare(spec, { partitions: topic.partitions, replicas, settings: settings.get(spec.name) ?? new Map() }, wanted);
      });
    });
  } finally {
    await connection.close();
  }
}

export interface FoundTopic {
  readonly partitions: number;
  /** Replicas of each partition. */
  readonly replicas: readonly number[];
  readonly settings: ReadonlyMap<string, string>;
}

export function compare(
  spec: TopicSpec,
  { partitions, replicas, settings }: FoundTopic,
  wanted: Omit<WantedTopics, 'specs'>,
): readonly TopicFinding[] {
  const { name } = spec;
  const of = (setting: TopicFinding['setting']) => settings.get(setting) ?? '';
  const least = Math.min(...replicas);
  return [
    ...(partitions === spec.partitions ? [] : finding(name, 'partitions', String(partitions), String(spec.partitions))),
    ...(wanted.replicationFactor === undefined || least >= wanted.replicationFactor
      ? []
      : finding(name, 'replication.factor', String(least), String(wanted.replicationFactor))),
    ...(wanted.minInsyncReplicas === undefined || Number(of('min.insync.replicas')) >= wanted.minInsyncReplicas
      ? []
      : finding(name, 'min.insync.replicas', of('min.insync.replicas'), String(wanted.minInsyncReplicas))),
    ...(of('message.timestamp.type') === 'LogAppendTime'
      ? []
      : finding(name, 'message.timestamp.type', of('message.timestamp.type'), 'LogAppendTime')),
    ...(of('cleanup.policy') === 'delete' ? [] : finding(name, 'cleanup.policy', of('cleanup.policy'), 'delete')),
    ...atLeast(name, 'retention.ms', of('retention.ms'), spec.retentionMs),
    ...atLeast(name, 'retention.bytes', of('retention.bytes'), spec.retentionBytes),
    // A replica that lacks acknowledged records must not become the leader.
    ...(of('unclean.leader.election.enable') === 'true' ? finding(name, 'unclean.leader.election.enable', 'true', 'false') : []),
    ...(spec.maxMessageBytes === undefined || Number(of('max.message.bytes')) >= spec.maxMessageBytes
      ? []
      : finding(name, 'max.message.bytes', of('max.message.bytes'), String(spec.maxMessageBytes))),
  ];
}

/** Of bounds that −1 leaves open: nothing wanted means no bound. */
function atLeast(name: string, setting: TopicFinding['setting'], actual: string, wanted: number | undefined): readonly TopicFinding[] {
  const bound = Number(actual);
  if (bound === -1 || (wanted !== undefined && bound >= wanted)) return [];
  return finding(name, setting, actual, String(wanted ?? -1));
}

function finding(topic: string, setting: TopicFinding['setting'], actual: string | null, wanted: string): readonly TopicFinding[] {
  return [{ topic, setting, actual, wanted }];
}

/** Topics: how many partitions, which settings, and their creation. */
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Admin, type KafkaConfig } from 'kafkajs';
import { LogError } from '../errors.ts';
import type { TopicSpec } from '../port.ts';
import type { Cluster } from './client.ts';
import { attempts, type Connection } from './connection.ts';
import { kindOf, toLogError } from './faults.ts';
import { Client } from './sockets.ts';

/** Kafka's default of max.message.bytes: holds where the client may not ask. */
const defaultMaxMessageBytes = 1_048_588;

export interface Topic {
  readonly name: string;
  readonly partitions: number;
  /** Largest batch of records that the topic takes, bytes. */
  readonly maxMessageBytes: number;
}

/** Topics as they are found. A topic keeps its partitions, so what was read once stays right. */
export class Topics {
  readonly #connection: Connection;
  readonly #settings: KafkaConfig;
  readonly #known = new Map<string, Promise<Topic>>();

  constructor(connection: Connection, settings: KafkaConfig) {
    this.#connection = connection;
    this.#settings = settings;
  }

  /** Throws `unknown_topic`. */
  find(name: string): Promise<Topic> {
    return this.#find(name, attempts);
  }

  async #find(name: string, tries: typeof attempts): Promise<Topic> {
    const known = this.#known.get(name) ?? this.#read(name, tries);
    this.#known.set(name, known);
    try {
      return await known;
    } catch (error) {
      this.#known.delete(name);
      throw error;
    }
  }

  /** Undefined where there is none of that name. */
  async look(name: string, { patient = false } = {}): Promise<Topic | undefined> {
    try {
      return await this.#find(name, patient ? attempts : { ...attempts, unknown_topic: 1 });
    } catch (error) {
      if (error instanceof LogError && error.code === 'unknown_topic') return undefined;
      throw error;
    }
  }

  /** A topic that was just created: not every broker knows of it yet. */
  findNew(name: string): Promise<Topic> {
    return this.#find(name, { ...attempts, unknown_topic: 12 });
  }

  async #read(name: string, tries: typeof attempts): Promise<Topic> {
    const count = async (cluster: Cluster) => {
      await cluster.addTargetTopic(name);
      return cluster.findTopicPartitionMetadata(name).length;
    };
    const partitions = await this.#connection.run(`Topic ${name}`, count, tries);
    if (partitions === 0) throw new LogError('unknown_topic', `There is no topic ${name} in this cluster: create it first.`);
    return { name, partitions, maxMessageBytes: (await this.#limitOf(name)) ?? defaultMaxMessageBytes };
  }

  /** Undefined where the client may not ask. The broker that is asked may know of the topic later than the one that counted its partitions. */
  async #limitOf(name: string): Promise<number | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        const settings = await withAdmin(this.#settings, `Settings of topic ${name}`, (admin) => settingsOf(admin, [name]));
        return Number(settings.get(name)?.get('max.message.bytes')) || undefined;
      } catch (error) {
        const kind = kindOf(error);
        if (kind === 'not_allowed') return undefined;
        if (kind !== 'unknown_topic' || attempt === 5) throw error;
        await sleep(100 * attempt);
      }
    }
  }
}

/** Runs with an admin client of its own. Throws what a caller of the port can tell apart. */
export async function withAdmin<T>(settings: KafkaConfig, what: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const client = new Client(settings);
  const admin = client.kafka.admin();
  try {
    await admin.connect();
    return await work(admin);
  } catch (error) {
    throw toLogError(error, what);
  } finally {
    await client.end(() => admin.disconnect());
  }
}

/** Settings in force of each topic, the cluster's defaults included. */
export async function settingsOf(admin: Admin, topics: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  // Node finds this name of a CommonJS package on its default export alone.
  const { ConfigResourceTypes } = kafkajs;
  const resources = topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name }));
  const { resources: answers } = await admin.describeConfigs({ includeSynonyms: false, resources });
  return new Map(
    answers.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  );
}

export interface CreateOptions {
  readonly replicationFactor?: number | undefined;
  readonly minInsyncReplicas?: number | undefined;
}

/** Creates a topic; false where it is there already. */
export function createTopic(admin: Admin, spec: TopicSpec, { replicationFactor, minInsyncReplicas }: CreateOptions): Promise<boolean> {
  const settings: Readonly<Record<string, number | string | undefined>> = {
    'message.timestamp.type': 'LogAppendTime',
    'cleanup.policy': 'delete',
    // Kafka's own default is seven days: without a bound it is told so.
    'retention.ms': spec.retentionMs ?? -1,
    'retention.bytes': spec.retentionBytes,
    'max.message.bytes': spec.maxMessageBytes,
    'min.insync.replicas': minInsyncReplicas,
  };
  const configEntries = Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : { name, value: String(value) }));
  return admin.createTopics({
    // kafkajs gives up on a topic that a broker has not heard of yet; whoever needs it next waits for it (see Connection).
    waitForLeaders: false,
    topics: [
      { topic: spec.name, numPartitions: spec.partitions, ...(replicationFactor !== undefined && { replicationFactor }), configEntries },
    ],
  });
}

/** Throws `partition_mismatch` where a specification cannot be met, before anything is created. */
export async function refuseImpossible(topics: Topics, specs: readonly TopicSpec[]): Promise<readonly TopicSpec[]> {
  const missing: TopicSpec[] = [];
  for (const [index, spec] of specs.entries()) {
    if (specs.findIndex(({ name }) => name === spec.name) !== index)
      throw new LogError('partition_mismatch', `Topic ${spec.name} is given twice in one call: give it once.`);
    if (!Number.isInteger(spec.partitions) || spec.partitions < 1)
      throw new LogError('partition_mismatch', `Topic ${spec.name} cannot have ${spec.partitions} partitions: give a whole number from 1.`);
    const existing = await topics.look(spec.name);
    if (existing === undefined) missing.push(spec);
    else refuseMismatch(existing, spec);
  }
  return missing;
}

export function refuseMismatch(existing: Topic, spec: TopicSpec): void {
  if (existing.partitions === spec.partitions) return;
  const text = `Topic ${spec.name} has ${existing.partitions} partitions, not ${spec.partitions}: the number is fixed; ask for ${existing.partitions}, or use a new topic.`;
  throw new LogError('partition_mismatch', text);
}

/** What all subjects of a run share: one broker, one Redis, topics on them. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Kafka as LocalKafka, type Redis as LocalRedis, startKafka, startRedis } from '@idemtrace/local-services';
import { Redis } from 'ioredis';
import { type Admin, Kafka, logLevel, Partitioners } from 'kafkajs';
import { type DataSet, readDataSet } from '../data/data-file.ts';

export interface Stage {
  readonly folder: string;
  readonly kafka: LocalKafka;
  readonly redis: LocalRedis;
  readonly redisClient: Redis;
  readonly client: Kafka;
  readonly admin: Admin;
  close(): Promise<void>;
}

/** A topic with a data set in it. */
export interface LoadedTopic {
  readonly name: string;
  readonly partitions: number;
  readonly data: DataSet;
}

const BROKER_HEAP_MIB = 1_024;

/** Starts a broker and a Redis (append-only file synced every second) of the bench's own, in `folder`. */
export async function openStage(folder: string): Promise<Stage> {
  mkdirSync(folder, { recursive: true });
  const kafka = await startKafka({ heapMiB: BROKER_HEAP_MIB });
  const redis = await startRedis();
  const redisClient = new Redis({ host: redis.host, port: redis.port });
  const client = new Kafka({ clientId: 'bench', brokers: [...kafka.brokers], logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  return {
    folder,
    kafka,
    redis,
    redisClient,
    client,
    admin,
    async close() {
      await admin.disconnect();
      redisClient.disconnect();
      await redis.stop();
      await kafka.stop();
    },
  };
}

const POLL_MS = 100;
const LEADERS_TIMEOUT_MS = 60_000;

/** Creates topics and waits until each partition has a leader: a producer that comes too early sends twice. */
export async function createTopics({ admin }: Stage, names: readonly string[], partitions: number): Promise<void> {
  const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }];
  await admin.createTopics({
    topics: names.map((topic) => ({ topic, numPartitions: partitions, configEntries })),
    waitForLeaders: false,
  });
  const deadline = performance.now() + LEADERS_TIMEOUT_MS;
  // A broker that was just told of a topic may say that there is none.
  const ready = async () => {
    const found = await admin.fetchTopicMetadata({ topics: [...names] }).catch(() => ({ topics: [] }));
    const led = found.topics.flatMap((topic) => topic.partitions).filter(({ leader }) => leader >= 0);
    return led.length === names.length * partitions;
  };
  while (!(await ready())) {
    if (performance.now() > deadline) throw new Error(`${names.join(', ')}: no leaders within ${LEADERS_TIMEOUT_MS / 1000} s`);
    await delay(POLL_MS);
  }
}

const BATCH = 1_000;

/** Creates a topic and puts the data set into it. */
export async function loadTopic(
  stage: Stage,
  { name, partitions, data }: LoadedTopic,
  onProgress: (records: number) => void,
): Promise<LoadedTopic> {
  await createTopics(stage, [name], partitions);
  const producer = stage.client.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    idempotent: true,
  });
  await producer.connect();
  let sent = 0;
  for await (const records of readDataSet(data)) {
    for (let at = 0; at < records.length; at += BATCH) {
      const messages = records.slice(at, at + BATCH);
      sent += messages.length;
      // One at a time: kafkajs does not keep the order of sends that overlap, and which execution was the second depends on it.
      await producer.send({ topic: name, messages: [...messages], acks: -1 });
    }
    onProgress(sent);
  }
  await producer.disconnect();
  const offsets = await stage.admin.fetchTopicOffsets(name);
  const held = offsets.reduce((sum, { high }) => sum + Number(high), 0);
  // A send that was repeated would make redeliveries that the data set does not know of.
  if (held !== data.events) throw new Error(`${name} holds ${held} records instead of ${data.events}: run the bench again`);
  return { name, partitions, data };
}

/** How far a group has committed in a topic, all partitions together. */
export async function committedRecords({ admin }: Stage, topic: string, groupId: string): Promise<number> {
  const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
  return (offsets?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
}

/** Bytes that Redis uses for data and its own structures. */
export async function redisBytes({ redisClient }: Stage): Promise<number> {
  const info = await redisClient.info('memory');
  return Number(/used_memory:(\d+)/.exec(info)?.[1]);
}

/** A folder for one run of one subject. */
export function runFolder({ folder }: Stage, name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}

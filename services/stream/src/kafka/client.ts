/**
 * The layer of kafkajs below its consumer: one request to one broker. kafkajs hands it to whoever writes a partition assigner, and its types
 * name most of it.
 *
 * Groups and fetches are built on it, because kafkajs' own consumer (2.2.4) cannot keep the port's promises: a fetch that is out of range
 * overwrites the group's committed offset with −1 or −2, a commit that is retried may run in a later generation than it was made in, a
 * slow partition holds up all others of its broker, and its filter of aborted transactions is wrong (see fetch.ts).
 */
import { type Kafka, type Cluster as KafkaCluster, PartitionAssigners } from 'kafkajs';

export interface FetchedMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, Buffer | null | readonly (Buffer | null)[]>>;
  readonly isControlRecord?: boolean;
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean };
}

export interface FetchedPartition {
  readonly partition: number;
  readonly lastStableOffset: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[] | null;
  readonly messages: readonly FetchedMessage[];
}

interface Member {
  readonly groupId: string;
  readonly memberId: string;
}

export interface Broker {
  fetch(request: {
    readonly isolationLevel: number;
    readonly maxWaitTime: number;
    readonly minBytes: number;
    readonly maxBytes: number;
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string; readonly maxBytes: number }[];
    }[];
  }): Promise<{ readonly responses: readonly { readonly topicName: string; readonly partitions: readonly FetchedPartition[] }[] }>;
  joinGroup(
    request: Member & {
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
    },
  ): Promise<{
    readonly generationId: number;
    readonly leaderId: string;
    readonly memberId: string;
    readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
  }>;
  syncGroup(
    request: Member & {
      readonly generationId: number;
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
    },
  ): Promise<{ readonly memberAssignment: Buffer }>;
  heartbeat(request: Member & { readonly groupGenerationId: number }): Promise<unknown>;
  leaveGroup(request: Member): Promise<unknown>;
  offsetCommit(
    request: Member & {
      readonly groupGenerationId: number;
      readonly topics: readonly {
        readonly topic: string;
        readonly partitions: readonly { readonly partition: number; readonly offset: string; readonly metadata: string | null }[];
      }[];
    },
  ): Promise<unknown>;
  offsetFetch(request: {
    readonly groupId: string;
    readonly topics: readonly { readonly topic: string; readonly partitions: readonly { readonly partition: number }[] }[];
  }): Promise<{
    readonly responses: readonly { readonly topic: string; readonly partitions: readonly { partition: number; offset: string }[] }[];
  }>;
}

export type Cluster = Pick<
  KafkaCluster,
  | 'connect'
  | 'disconnect'
  | 'refreshMetadata'
  | 'refreshMetadataIfNecessary'
  | 'addTargetTopic'
  | 'findTopicPartitionMetadata'
  | 'findLeaderForPartitions'
  | 'fetchTopicsOffset'
> & {
  findBroker(node: { readonly nodeId: string }): Promise<Broker>;
  findGroupCoordinator(group: { readonly groupId: string }): Promise<Broker>;
};

/** A cluster that is not yet connected, with connections of its own. It reads what is committed, creates no topic, and joins no group. */
export function clusterOf(kafka: Kafka): Cluster {
  let found: KafkaCluster | undefined;
  kafka.consumer({
    groupId: 'idemtrace',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      (config) => {
        found = config.cluster;
        return PartitionAssigners.roundRobin(config);
      },
    ],
  });
  if (found === undefined) throw new Error('This version of kafkajs hands its cluster to no assigner: kafkajs 2.2.4 is needed.');
  return found as unknown as Cluster;
}

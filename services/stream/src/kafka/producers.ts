import {
  CompressionTypes,
  type KafkaConfig,
  logLevel,
  type Producer,
  type ProducerConfig,
  type RecordMetadata,
  type TopicMessages,
} from 'kafkajs';
import { transactionTimeoutMs } from './defaults.ts';
import { type KafkaLogOptions, transactionalRetry } from './settings.ts';
import { Client } from './sockets.ts';

/** Makes producers: each has connections of its own, and is thrown away after a failure. */
export class Producers {
  readonly #idempotent: KafkaConfig;
  readonly #transactional: KafkaConfig;
  readonly #transactionTimeout: number;
  readonly #compression: CompressionTypes;

  constructor(settings: KafkaConfig, options: Pick<KafkaLogOptions, 'transactionTimeoutMs' | 'compression'> = {}) {
    this.#idempotent = settings;
    // What a transactional client logs as errors are answers that it retries; those that it does not are thrown.
    this.#transactional = { ...settings, retry: { ...transactionalRetry }, logLevel: logLevel.NOTHING };
    this.#transactionTimeout = options.transactionTimeoutMs ?? transactionTimeoutMs;
    this.#compression = options.compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None;
  }

  idempotent(): Producer {
    return producerOf(this.#idempotent, { idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false, createPartitioner });
  }

  transactional(transactionalId: string): Producer {
    return producerOf(this.#transactional, {
      transactionalId,
      transactionTimeout: this.#transactionTimeout,
      allowAutoTopicCreation: false,
      createPartitioner,
    });
  }

  send(sender: Pick<Producer, 'sendBatch'>, topicMessages: TopicMessages[]): Promise<RecordMetadata[]> {
    return sender.sendBatch({ acks: -1, compression: this.#compression, topicMessages });
  }
}

function producerOf(settings: KafkaConfig, config: ProducerConfig): Producer {
  const client = new Client(settings);
  const producer = client.kafka.producer(config);
  return { ...producer, disconnect: () => client.end(() => producer.disconnect()) };
}

/** Every message comes with its partition. */
const createPartitioner = () => {
  return ({ message }: { readonly message: { readonly partition?: number } }): number => {
    if (message.partition === undefined) throw new Error('A message was to be sent without a partition.');
    return message.partition;
  };
};

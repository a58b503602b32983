import { CompressionTypes, Kafka, type KafkaConfig, logLevel, type Producer, type RecordMetadata, type TopicMessages } from 'kafkajs';
import { type KafkaLogOptions, kafkaSettings, transactionalRetry } from './settings.ts';

/** Makes producers: each has connections of its own, and is thrown away after a failure. */
export class Producers {
  readonly #idempotent: Kafka;
  readonly #transactional: Kafka;
  readonly #transactionTimeout: number;
  readonly #compression: CompressionTypes;

  constructor(options: KafkaLogOptions, overrides: Partial<KafkaConfig> = {}) {
    const settings = { ...kafkaSettings(options), ...overrides };
    this.#idempotent = new Kafka(settings);
    // What a transactional client logs as errors are answers that it retries; those that it does not are thrown.
    this.#transactional = new Kafka({ ...settings, retry: { ...transactionalRetry }, logLevel: logLevel.NOTHING });
    this.#transactionTimeout = options.transactionTimeoutMs ?? 10_000;
    this.#compression = options.compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None;
  }

  idempotent(): Producer {
    return this.#idempotent.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false, createPartitioner });
  }

  transactional(transactionalId: string): Producer {
    return this.#transactional.producer({
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

/** Every message comes with its partition. */
const createPartitioner = () => {
  return ({ message }: { readonly message: { readonly partition?: number } }): number => {
    if (message.partition === undefined) throw new Error('A message was to be sent without a partition.');
    return message.partition;
  };
};

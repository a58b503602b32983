import { sharedKafka } from '@idemtrace/local-services/testing';
import { beforeAll } from 'vitest';
import { openKafkaLog } from '../src/kafka/index.ts';
import { eventLogConformance } from './conformance.ts';

// The run's broker is started by whoever asks first.
beforeAll(async () => void (await sharedKafka()), 180_000);

eventLogConformance('kafka', async () => {
  const { brokers } = await sharedKafka();
  return { open: () => openKafkaLog({ brokers, sessionTimeoutMs: 6000 }), dispose: async () => undefined };
});

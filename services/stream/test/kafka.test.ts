import { sharedKafka } from '@idemtrace/local-services/testing';
import { openKafkaLog } from '../src/kafka/index.ts';
import { eventLogConformance } from './conformance.ts';

eventLogConformance('kafka', async () => {
  const { brokers } = await sharedKafka();
  return { open: () => openKafkaLog({ brokers, sessionTimeoutMs: 6000 }), dispose: async () => undefined };
});

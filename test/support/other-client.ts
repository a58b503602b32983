/** A read_committed subscriber that is not kafkajs: what it sees of the alerts topic is held against what kafkajs sees. */
import { randomUUID } from 'node:crypto';
import type { Alert, RawRecord } from '@idemtrace/schemas';
import { Consumer, FetchIsolationLevels, MessagesStreamModes } from '@platformatic/kafka';
import { type Config, openStore } from 'idemtrace/internal';
import { type Outcome, outcome } from './pipeline.ts';
import { until } from './program.ts';

/** Reads the alerts topic from its start until nothing more of it is to come. */
export async function readByOtherClient(config: Config): Promise<Outcome> {
  const { topics, kafka } = config;
  const store = await openStore(config);
  const consumer = new Consumer({ groupId: `other-${randomUUID()}`, clientId: 'other', bootstrapBrokers: [...(kafka.brokers ?? [])] });
  try {
    const ends = await store.log.bounds(topics.alerts);
    const stream = await consumer.consume({
      topics: [topics.alerts],
      mode: MessagesStreamModes.EARLIEST,
      isolationLevel: FetchIsolationLevels.READ_COMMITTED,
      autocommit: false,
      maxWaitTime: 100,
    });
    const messages: RawRecord[] = [];
    let latest = Date.now();
    stream.on('data', ({ key, value, timestamp }) => {
      messages.push({ key, value, logTime: Number(timestamp) });
      latest = Date.now();
    });
    const expected = ends.some(({ high }) => high > 0);
    // Control records take offsets and are never handed on: quiet for a while is the end.
    await until(() => ((!expected || messages.length > 0) && Date.now() - latest > 3000) || undefined, 'the other client to have read all');
    const alerts: Alert[] = [];
    for (const message of messages) {
      const [decoded] = await store.codec.decode([message]);
      if (decoded?.ok && decoded.record.name === 'Alert') alerts.push(decoded.record.value);
    }
    return outcome(alerts);
  } finally {
    await consumer.close(true);
    await store.close();
  }
}

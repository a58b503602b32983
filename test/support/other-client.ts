/** A read_committed subscriber that is not kafkajs: what it sees of the alerts topic is held against what kafkajs sees. */
import { randomUUID } from 'node:crypto';
import type { Alert, RawRecord } from '@idemtrace/schemas';
import { Consumer, FetchIsolationLevels, MessagesStreamModes } from '@platformatic/kafka';
import { type Config, openStore } from 'idemtrace/internal';
import { type Outcome, outcome } from './pipeline.ts';
import { until } from './until.ts';

/** That client may wait for ever for a coordinator that is gone: it is given up then, and another one started. */
const ATTEMPTS = 4;
const ATTEMPT_MS = 30_000;

/** Reads the alerts topic from its start until nothing more of it is to come. */
export async function readByOtherClient(config: Config): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), ATTEMPT_MS).unref());
    const read = readOnce(config);
    read.catch(() => {});
    const outcome = await Promise.race([read, late]);
    if (outcome !== undefined) return outcome;
    if (attempt === ATTEMPTS) throw new Error('the other client does not read the alerts topic');
  }
}

async function readOnce(config: Config): Promise<Outcome> {
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
    // It is done with: that it leaves the group in order concerns nobody.
    void consumer.close(true).catch(() => {});
    await store.close();
  }
}

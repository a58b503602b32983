/**
 * A read_committed subscriber of the alerts topic.
 * usage: subscriber.ts --brokers B --topic T --seen FILE
 * Writes one line `executionId milliseconds` for each alert to FILE at SIGTERM, the time being that at which it was in its hands.
 */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createCodec, fileRegistry } from '@idemtrace/schemas';
import { Kafka, logLevel } from 'kafkajs';
import { say } from '../subjects/child.ts';

const { values } = parseArgs({
  options: { brokers: { type: 'string', default: '' }, topic: { type: 'string', default: '' }, seen: { type: 'string', default: '' } },
});
const codec = await createCodec({ registry: fileRegistry() });
const kafka = new Kafka({ clientId: 'bench-subscriber', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({ groupId: `bench-subscriber-${randomUUID()}`, readUncommitted: false, maxWaitTimeInMs: 500 });
const seen: string[] = [];
await consumer.connect();
await consumer.subscribe({ topic: values.topic, fromBeginning: true });
consumer.on(consumer.events.GROUP_JOIN, () => say('ready'));
await consumer.run({
  autoCommit: false,
  async eachMessage({ message }) {
    const at = performance.timeOrigin + performance.now();
    const [decoded] = await codec.decode([{ key: message.key, value: message.value, logTime: Number(message.timestamp) }]);
    if (decoded?.ok && decoded.record.name === 'Alert') seen.push(`${decoded.record.value.executionId} ${at}`);
  },
});
process.once('SIGTERM', () => {
  writeFileSync(values.seen, seen.join('\n'));
  void consumer.disconnect().then(() => process.exit(0));
});

/**
 * kafkajs' consumer and nothing behind it: what reading alone costs, with and without decoding.
 * usage: fetch.ts --brokers B --topic T --records N [--decode]
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createCodec, fileRegistry } from '@idemtrace/schemas';
import { Kafka, logLevel } from 'kafkajs';
import { say } from './child.ts';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '' },
    topic: { type: 'string', default: '' },
    records: { type: 'string', default: '0' },
    decode: { type: 'boolean', default: false },
  },
});
const codec = await createCodec({ registry: fileRegistry() });
const wanted = Number(values.records);
const warm = Math.floor(wanted / 4);
let count = 0;
let invalid = 0;
const kafka = new Kafka({ clientId: 'bench', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({ groupId: `bench-fetch-${randomUUID()}`, maxWaitTimeInMs: 100 });
await consumer.connect();
await consumer.subscribe({ topic: values.topic, fromBeginning: true });
await consumer.run({
  autoCommit: false,
  async eachBatch({ batch }) {
    if (count === 0) say('first');
    if (values.decode) {
      const records = batch.messages.map(({ key, value, timestamp }) => ({ key, value, logTime: Number(timestamp) }));
      for (const decoded of await codec.decode(records)) if (!decoded.ok) invalid += 1;
    }
    const before = count;
    count += batch.messages.length;
    if (before < warm && count >= warm) say('warm', { records: count });
    if (before < wanted && count >= wanted) say('end', { records: count, invalid });
  },
});
process.once('SIGTERM', () => {
  void consumer.disconnect().then(() => process.exit(0));
});

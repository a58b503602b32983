/**
 * The event log's adapter with an empty handler, that commits nothing: what stands between the broker and the detector's loop.
 * usage: log.ts --brokers B --topic T --records N
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { openKafkaLog } from '@idemtrace/stream/kafka';
import { say } from './child.ts';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '' },
    topic: { type: 'string', default: '' },
    records: { type: 'string', default: '0' },
  },
});
const wanted = Number(values.records);
const warm = Math.floor(wanted / 4);
let count = 0;
const log = await openKafkaLog({ brokers: values.brokers.split(',') });
const subscription = await log.subscribe({ topic: values.topic, group: `bench-log-${randomUUID()}` }, async (_partition, { records }) => {
  if (count === 0) say('first');
  const before = count;
  count += records.length;
  if (before < warm && count >= warm) say('warm', { records: count });
  if (before < wanted && count >= wanted) say('end', { records: count });
});
subscription.done.catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
process.once('SIGTERM', () => {
  void subscription
    .close()
    .then(() => log.close())
    .then(() => process.exit(0));
});

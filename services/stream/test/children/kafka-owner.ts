/**
 * An owner in a process of its own: takes over, says `judging` in its first batch, waits for a line on its standard input, and says what its commit
 * answered. Usage: kafka-owner.ts BROKERS INPUT OUTPUTS GROUP.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { openKafkaLog } from '../../src/kafka/index.ts';

const [brokers = '', topic = '', outputs = '', group = ''] = process.argv.slice(2);
const told = once(createInterface({ input: process.stdin }), 'line');
const log = await openKafkaLog({ brokers: brokers.split(','), sessionTimeoutMs: 6000 });
let tookOver = false;
const subscription = await log.subscribe({ topic, group }, async (partition, batch) => {
  if (tookOver) {
    console.log('judging');
    await told;
    console.log(await partition.commit(batch.to, [{ topic: outputs, key: null, value: Buffer.from('of the stopped owner') }]));
    return;
  }
  const { committed, low } = await partition.takeOver();
  tookOver = true;
  partition.seek(committed ?? low);
});
await subscription.done;

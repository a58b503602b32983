/**
 * A process of its own on a log: appends batches to `in`, consumes `in` and publishes one output per record to `out`, until its standard
 * input ends. Usage: worker.ts FOLDER NAME BATCHES. Prints `ready`, then the number of each batch once it is acknowledged.
 */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEmbeddedLog } from '../../src/embedded/index.ts';
import { recordsPerBatch, subscribeJudge } from './judge.ts';

const [path = '', name = '', batches = '0'] = process.argv.slice(2);
const say = (line: string) => writeSync(1, `${line}\n`);

const log = await openEmbeddedLog({ path, pollIntervalMs: 5 });
const partitions = await log.partitionsOf('in');
const subscription = await subscribeJudge(log);
const ended = new Promise<void>((resolve) => process.stdin.once('end', resolve).resume());
say('ready');

for (let batch = 0; batch < Number(batches); batch++) {
  const records = Array.from({ length: recordsPerBatch }, (_, n) => ({
    key: null,
    value: Buffer.from(`${name}/${batch}/${n}`),
    partition: (batch + n) % partitions,
  }));
  await log.append('in', records);
  say(String(batch));
  if (batch % 8 === 0) await sleep(1);
}
await ended;
await subscription.close();
await log.close();

/**
 * Records per second of the embedded log: append in batches, then consume and commit one output per ten records.
 * Usage: node bench/embedded.ts [records] [bytes per record] [batch size]. Without further ado it writes to a folder of its own and deletes it.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedLog } from '../src/embedded/index.ts';

const [count = 300_000, bytes = 300, batchSize = 500] = process.argv.slice(2).map(Number);
const partitions = 6;
const value = Buffer.alloc(bytes, 'v');

function report(what: string, records: number, sinceMs: number): void {
  const seconds = (performance.now() - sinceMs) / 1000;
  console.log(
    `${what}: ${Math.round(records / seconds).toLocaleString('en')} records/s (${records.toLocaleString('en')} in ${seconds.toFixed(2)} s)`,
  );
}

for (const synchronous of ['full', 'normal'] as const) {
  const path = await mkdtemp(join(tmpdir(), 'idemtrace-bench-'));
  const log = await openEmbeddedLog({ path, synchronous });
  await log.createTopics(
    [
      { name: 'events', partitions },
      { name: 'alerts', partitions },
    ],
    [{ topic: 'events', group: 'bench' }],
  );

  let worstTurn = 0;
  let lastTurn = performance.now();
  const turns = setInterval(() => {
    worstTurn = Math.max(worstTurn, performance.now() - lastTurn);
    lastTurn = performance.now();
  }, 1);

  let started = performance.now();
  for (let at = 0; at < count; at += batchSize) {
    const batch = Array.from({ length: Math.min(batchSize, count - at) }, (_, n) => ({ key: `tenant/workflow-${(at + n) >> 4}`, value }));
    await log.append('events', batch);
  }
  report(`append, synchronous=${synchronous}, batches of ${batchSize}`, count, started);

  started = performance.now();
  await Promise.all(Array.from({ length: 2000 }, (_, n) => log.append('events', [{ key: `tenant/single-${n}`, value }])));
  report(`append, synchronous=${synchronous}, single records, 2,000 under way`, 2000, started);

  const total = count + 2000;
  let consumed = 0;
  const all = Promise.withResolvers<void>();
  const generations = new Map<number, number>();
  started = performance.now();
  const subscription = await log.subscribe({ topic: 'events', group: 'bench', maxRecords: batchSize }, async (partition, batch) => {
    if (generations.get(partition.partition) !== partition.generation) {
      generations.set(partition.partition, partition.generation);
      const { committed, low } = await partition.takeOver();
      partition.seek(committed ?? low);
      return;
    }
    const outputs = batch.records.filter((_, n) => n % 10 === 0).map((record) => ({ topic: 'alerts', key: record.key, value }));
    const result = await partition.commit(batch.to, outputs);
    if (result !== 'committed') throw new Error(`A commit was ${result}.`);
    consumed += batch.records.length;
    if (consumed === total) all.resolve();
  });
  await all.promise;
  report(`consume and commit, synchronous=${synchronous}, batches of ${batchSize}, one output per ten`, total, started);
  clearInterval(turns);
  console.log(`longest turn of the event loop: ${Math.round(worstTurn)} ms`);

  await subscription.close();
  await log.close();
  const { size } = await stat(join(path, 'log.sqlite'));
  console.log(`file: ${Math.round(size / total)} bytes per record of ${bytes} + key, outputs included\n`);
  await rm(path, { recursive: true });
}

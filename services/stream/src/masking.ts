/**
 * A log as it reads where some of its records must not be seen again: for a log that cannot take them out, since its records are only ever
 * deleted from the oldest on.
 */
import type { BatchHandler, EventLog, LogRecord, OwnedPartition } from './port.ts';

export interface Mask {
  /** What the record reads as: itself, or another one in its place, of the same offset and log time. */
  mask(record: LogRecord): LogRecord;
  /** Called before records are handed on, and once a partition was taken over: from then on all counts that was masked before. */
  refresh(when: 'sometimes' | 'now'): Promise<void>;
}

/** Everything but what is read goes to the log as it is; closing it closes the log. */
export function maskedLog(log: EventLog, mask: Mask): EventLog {
  return {
    id: log.id,
    createTopics: (topics, groups) => log.createTopics(topics, groups),
    partitionsOf: (topic) => log.partitionsOf(topic),
    bounds: (topic) => log.bounds(topic),
    committed: (topic, group) => log.committed(topic, group),
    offsetsAt: (topic, logTime) => log.offsetsAt(topic, logTime),
    append: (topic, records) => log.append(topic, records),
    subscribe: (options, handler) => log.subscribe(options, maskedHandler(handler, mask)),
    // The call decides where it starts and ends, not the first record taken.
    tail: (topic, options) => masked(log.tail(topic, options), mask),
    close: () => log.close(),
  };
}

async function* masked(records: AsyncIterable<LogRecord>, mask: Mask): AsyncGenerator<LogRecord> {
  await mask.refresh('now');
  for await (const record of records) yield mask.mask(record);
}

function maskedHandler(handler: BatchHandler, mask: Mask): BatchHandler {
  return async (partition, batch) => {
    await mask.refresh('sometimes');
    await handler(refreshing(partition, mask), { ...batch, records: batch.records.map((record) => mask.mask(record)) });
  };
}

/** What is read again after a take-over may be of long ago: of a window that was lost. */
function refreshing(partition: OwnedPartition, mask: Mask): OwnedPartition {
  return {
    topic: partition.topic,
    partition: partition.partition,
    generation: partition.generation,
    async takeOver() {
      const taken = await partition.takeOver();
      await mask.refresh('now');
      return taken;
    },
    offsetAt: (logTime) => partition.offsetAt(logTime),
    seek: (offset) => partition.seek(offset),
    heartbeat: () => partition.heartbeat(),
    commit: (next, outputs) => partition.commit(next, outputs),
  };
}

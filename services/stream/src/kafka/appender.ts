import type { Producer } from 'kafkajs';
import { LogError } from '../errors.ts';
import type { NewRecord, Position } from '../port.ts';
import { toLogError } from './faults.ts';
import type { Producers } from './producers.ts';
import { messageOf, mostRecords, slicesOf } from './slices.ts';

export interface Placed extends NewRecord {
  readonly partition: number;
}

interface Job {
  readonly topic: string;
  readonly records: readonly Placed[];
  readonly maxBytes: number;
  readonly positions: Position[];
  readonly resolve: (positions: readonly Position[]) => void;
  readonly reject: (error: unknown) => void;
}

/** A record of a job that waits to be sent. */
interface Entry {
  readonly job: Job;
  readonly index: number;
  readonly record: Placed;
}

/**
 * Appends by an idempotent producer, one send at a time: appends that come meanwhile share the next one. After a send that failed the producer is
 * thrown away: kafkajs takes its sequence back, and what then reuses it is dropped by the broker as a duplicate, in silence.
 */
export class Appender {
  readonly #producers: Producers;
  #producer: Producer | undefined;
  #queue: Job[] = [];
  #draining: Promise<void> | undefined;

  constructor(producers: Producers) {
    this.#producers = producers;
  }

  append(topic: string, records: readonly Placed[], maxBytes: number): Promise<readonly Position[]> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ topic, records, maxBytes, positions: [], resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Ends what was asked for, then lets go of the connections. */
  async close(): Promise<void> {
    await this.#draining;
    await this.#discard();
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const jobs = this.#together();
      try {
        for (const round of roundsOf(jobs)) await this.#send(round);
        for (const { positions, resolve } of jobs) resolve(positions);
      } catch (error) {
        await this.#discard();
        for (const { topic, reject } of jobs) reject(toLogError(error, `Records for topic ${topic} were not acknowledged`));
      }
    }
    this.#draining = undefined;
  }

  /** Jobs at the head of the queue that fit into one send by their number; one at least. */
  #together(): readonly Job[] {
    let count = 0;
    const rest = this.#queue.findIndex(({ records }, index) => {
      count += records.length;
      return index > 0 && count > mostRecords;
    });
    return this.#queue.splice(0, rest === -1 ? this.#queue.length : rest);
  }

  async #send(batches: readonly (readonly Entry[])[]): Promise<void> {
    const producer = await this.#ready();
    const topicMessages = batches.map((entries) => ({
      topic: entries[0]?.job.topic ?? '',
      messages: entries.map(({ record }) => messageOf(record, record.partition)),
    }));
    const answers = await this.#producers.send(producer, topicMessages);
    const bases = new Map(answers.map(({ topicName, partition, baseOffset }) => [placeOf(topicName, partition), Number(baseOffset)]));
    for (const entries of batches) {
      for (const [nth, { job, index, record }] of entries.entries()) {
        const base = bases.get(placeOf(job.topic, record.partition));
        if (base === undefined || Number.isNaN(base))
          throw new LogError('log_away', `Kafka did not say where it appended in topic ${job.topic}.`);
        job.positions[index] = { partition: record.partition, offset: base + nth };
      }
    }
  }

  async #ready(): Promise<Producer> {
    if (this.#producer !== undefined) return this.#producer;
    const producer = this.#producers.idempotent();
    this.#producer = producer;
    await producer.connect();
    return producer;
  }

  async #discard(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.disconnect().catch(() => undefined);
  }
}

const placeOf = (topic: string, partition: number): string => `${partition}/${topic}`;

/** What is sent together, one round after the other: of each topic and partition one batch of records a round. */
function roundsOf(jobs: readonly Job[]): readonly (readonly (readonly Entry[])[])[] {
  const places = new Map<string, Entry[]>();
  for (const job of jobs) {
    for (const [index, record] of job.records.entries()) {
      const place = placeOf(job.topic, record.partition);
      const entries = places.get(place);
      if (entries === undefined) places.set(place, [{ job, index, record }]);
      else entries.push({ job, index, record });
    }
  }
  const rounds: (readonly Entry[])[][] = [];
  for (const entries of places.values()) {
    const slices = slicesOf(entries, entries[0]?.job.maxBytes ?? 0, ({ record }) => record);
    for (const [nth, slice] of slices.entries()) {
      rounds[nth] ??= [];
      rounds[nth].push(slice);
    }
  }
  return rounds;
}

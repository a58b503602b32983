/** What the sink does with one batch of one partition: decode, insert together with others, commit. */
import { type AnyRecord, type Codec, deadLetterOf } from '@idemtrace/schemas';
import type { Batch, OutputRecord, OwnedPartition } from '@idemtrace/stream';
import { LogError } from '@idemtrace/stream';
import { blocksOf } from './blocks.ts';
import type { GroupInsert } from './group-insert.ts';
import { type Patience, type RefusedRecord, Stopped, untilDone } from './insert.ts';

export interface PartitionWriterOptions extends Omit<Patience, 'isFinal'> {
  readonly codec: Pick<Codec, 'decode' | 'encode'>;
  readonly group: GroupInsert;
  /** Identity of the log: another log may have other records at the same offsets. */
  readonly logId: string;
  /** Schemas of the topic: any other record on it is none of the sink's. */
  readonly expect: ReadonlySet<AnyRecord['name']>;
  /** Where rows that ClickHouse refuses for good go; undefined for the dead letters themselves: they stay in the log alone, and are counted. */
  readonly deadLetterTopic: string | undefined;
  readonly heartbeatMs: number;
  readonly onSkipped: (records: number) => void;
  readonly onRefused: (records: readonly RefusedRecord[]) => void;
}

export class PartitionWriter {
  readonly #options: PartitionWriterOptions;
  /** Of each partition the generation in which it was taken over, and where the next batch starts. */
  readonly #stands = new Map<number, { readonly generation: number; readonly next: number }>();

  constructor(options: PartitionWriterOptions) {
    this.#options = options;
  }

  /** Resolves once the batch is in ClickHouse and committed, or is left to whoever owns the partition now. Throws where the log is away. */
  async write(partition: OwnedPartition, batch: Batch): Promise<void> {
    if (!(await this.#owns(partition, batch))) return;
    try {
      const refused = await this.#alive(partition, this.#insert(partition, batch));
      if (refused !== 'lost') await this.#commit(partition, batch, refused);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
  }

  /** Takes a partition over once a generation, and where the fetcher is elsewhere; a batch is left alone that does not start where the group stands. */
  async #owns(partition: OwnedPartition, batch: Batch): Promise<boolean> {
    const { generation, next } = this.#stands.get(partition.partition) ?? {};
    if (generation === partition.generation && next === batch.from) return true;
    const start = await this.#takeOver(partition);
    if (start === batch.from) return true;
    partition.seek(start);
    return false;
  }

  /** Where the group stands. */
  async #takeOver(partition: OwnedPartition): Promise<number> {
    const { committed, low } = await partition.takeOver();
    const next = Math.max(committed ?? low, low);
    this.#stands.set(partition.partition, { generation: partition.generation, next });
    return next;
  }

  async #insert({ topic, partition }: OwnedPartition, { records, from, to }: Batch): Promise<readonly RefusedRecord[]> {
    const { codec, expect, group, logId, onSkipped } = this.#options;
    const { blocks, skipped } = await untilDone(() => blocksOf(codec, expect, records), this.#options);
    if (skipped > 0) onSkipped(skipped);
    if (blocks.length === 0) return [];
    const rows = blocks.reduce((sum, block) => sum + block.records.length, 0);
    const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0);
    // A topic that was made anew has the same offsets, but not the same times.
    const range = `${logId} ${topic}/${partition}/${from}-${to} ${records[0]?.logTime}-${records.at(-1)?.logTime}`;
    return group.add({ blocks, rows, bytes, range });
  }

  /** Waits for work that may take long, and says meanwhile that the partition's owner is alive. */
  async #alive<T>(partition: OwnedPartition, work: Promise<T>): Promise<T | 'lost'> {
    const done = new AbortController();
    // Left alone, a part that fails later would end the process.
    work.catch(() => undefined);
    try {
      return await Promise.race([work, this.#untilLost(partition, done.signal)]);
    } finally {
      done.abort();
    }
  }

  async #untilLost(partition: OwnedPartition, done: AbortSignal): Promise<'lost'> {
    for (;;) {
      await this.#options.wait(this.#options.heartbeatMs, done);
      if (done.aborted) return 'lost';
      try {
        await partition.heartbeat();
      } catch {
        return 'lost';
      }
    }
  }

  async #commit(partition: OwnedPartition, batch: Batch, refused: readonly RefusedRecord[]): Promise<void> {
    const result = await partition.commit(batch.to, this.#deadLetters(refused));
    if (result === 'committed') {
      this.#stands.set(partition.partition, { generation: partition.generation, next: batch.to });
      if (refused.length > 0) this.#options.onRefused(refused);
      return;
    }
    if (result === 'inDoubt') {
      const next = await this.#takeOver(partition);
      // Rows that come again are told by their identity; what must not happen is to pass over some.
      if (next !== batch.to) partition.seek(next);
      return;
    }
    // The new owner writes these rows. Throws where the partition is lost, as it must be; else someone took it over outside the group.
    await partition.heartbeat().then(
      () => {
        throw new LogError('fenced', `Partition ${partition.partition} of topic ${partition.topic} was taken over by another sink`);
      },
      () => undefined,
    );
  }

  #deadLetters(refused: readonly RefusedRecord[]): readonly OutputRecord[] {
    const { codec, deadLetterTopic } = this.#options;
    if (deadLetterTopic === undefined) return [];
    return refused.map(({ record, code }) => {
      const letter = deadLetterOf(record, 'lineage_refused', `ClickHouse refuses the row for good: ${code}`);
      return { topic: deadLetterTopic, key: letter.key, value: codec.encode('DeadLetter', letter) };
    });
  }
}

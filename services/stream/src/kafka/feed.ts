import type { Batch, LogRecord } from '../port.ts';
import { type Chunk, sizeOf } from './fetch.ts';

export interface FeedLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/** A partition is fetched ahead of its handler by so many bytes. */
const ahead = 1024 * 1024;

/** Records of one partition on their way from fetches to batches. */
export class Feed {
  readonly partition: number;
  /** Set while a fetch for it is under way. */
  fetching = false;
  readonly #limits: FeedLimits;
  readonly #changed: () => void;
  /** Fetched, from the batch that was handed on last: a seek back to it needs no other fetch. */
  #chunks: Chunk[] = [];
  /** Next record in the first of them. */
  #at = 0;
  #next: number;
  #fetchFrom: number;
  /** Rises when it goes elsewhere: what a fetch of before brings is of no use then. */
  #course = 0;
  #placed = true;
  #end = 0;
  #closed = false;
  #arrived: () => void = () => undefined;

  constructor(partition: number, start: number, limits: FeedLimits, changed: () => void) {
    this.partition = partition;
    this.#limits = limits;
    this.#next = start;
    this.#fetchFrom = start;
    this.#changed = changed;
  }

  /** Where the next fetch starts, where one is due. */
  get due(): { readonly from: number; readonly course: number } | undefined {
    if (this.#closed || this.fetching || !this.#placed || this.#ready() >= ahead) return undefined;
    return { from: this.#fetchFrom, course: this.#course };
  }

  /** Takes what a fetch brought. */
  deliver(chunk: Chunk, course: number): void {
    if (course !== this.#course) return;
    this.#end = chunk.end;
    this.#fetchFrom = chunk.to;
    // Control records alone make no batch: the next one covers them.
    if (chunk.records.length === 0) return;
    this.#chunks.push(chunk);
    this.#arrived();
  }

  /** The next batch, once there is one; undefined when it was closed. */
  async take(): Promise<Batch | undefined> {
    for (;;) {
      if (this.#closed) return undefined;
      const batch = this.#placed ? this.#cut() : undefined;
      if (batch !== undefined) {
        this.#changed();
        return batch;
      }
      const arrival = new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
      this.#changed();
      await arrival;
    }
  }

  /** The next batch starts at `offset` where that is among what was fetched; false where it has to be asked for. */
  goWithin(offset: number): boolean {
    const first = this.#chunks[0];
    if (first === undefined || offset < first.from || offset > this.#fetchFrom) return false;
    let chunk: Chunk | undefined = first;
    while (chunk !== undefined && offset >= chunk.to && this.#chunks.length > 1) {
      this.#chunks.shift();
      chunk = this.#chunks[0];
    }
    const index = chunk?.records.findIndex((record) => record.offset >= offset) ?? -1;
    this.#at = index === -1 ? (chunk?.records.length ?? 0) : index;
    this.#next = offset;
    return true;
  }

  /** Nothing is fetched until `place`. */
  unplace(): void {
    this.#course++;
    this.#placed = false;
    this.#chunks = [];
    this.#at = 0;
  }

  place(offset: number): void {
    this.#next = offset;
    this.#fetchFrom = offset;
    this.#placed = true;
    this.#changed();
    this.#arrived();
  }

  /** Where the partition ended at the last fetch; 0 before the first. */
  get end(): number {
    return this.#end;
  }

  /** Where its fetches have come to. */
  get fetched(): number {
    return this.#fetchFrom;
  }

  close(): void {
    this.#closed = true;
    this.#course++;
    this.#arrived();
  }

  /** Bytes that wait to be handed on. */
  #ready(): number {
    let bytes = 0;
    for (const [index, chunk] of this.#chunks.entries()) {
      const left = index > 0 ? 1 : 1 - this.#at / chunk.records.length;
      bytes += chunk.bytes * left;
    }
    return bytes;
  }

  #cut(): Batch | undefined {
    for (let chunk = this.#chunks[0]; chunk !== undefined && this.#at >= chunk.records.length; chunk = this.#chunks[0]) {
      this.#chunks.shift();
      this.#at = 0;
    }
    const chunk = this.#joined();
    if (chunk === undefined) return undefined;
    const end = this.#endOf(chunk.records);
    const records = chunk.records.slice(this.#at, end);
    const from = this.#next;
    const last = records.at(-1);
    this.#at = end;
    this.#next = end === chunk.records.length ? chunk.to : (last?.offset ?? from) + 1;
    return { records, from, to: this.#next };
  }

  /**
   * The first chunk, with as many of the next as a batch has room for. A fetch ahead of a slow handler brings a few records at a time; handed on
   * one by one, each would cost the handler a whole transaction or insert, and it would never catch up.
   */
  #joined(): Chunk | undefined {
    const first = this.#chunks[0];
    if (first === undefined) return undefined;
    let count = first.records.length - this.#at;
    let bytes = (first.bytes * count) / first.records.length;
    const { maxRecords, maxBytes } = this.#limits;
    let taken = 1;
    for (let next = this.#chunks[taken]; next !== undefined && count < maxRecords && bytes < maxBytes; next = this.#chunks[++taken]) {
      count += next.records.length;
      bytes += next.bytes;
    }
    if (taken === 1) return first;
    const parts = this.#chunks.splice(0, taken);
    const { to, end } = parts.at(-1) ?? first;
    const records = [...first.records.slice(this.#at), ...parts.slice(1).flatMap((part) => part.records)];
    const joined: Chunk = { from: this.#next, to, end, records, bytes };
    this.#chunks.unshift(joined);
    this.#at = 0;
    return joined;
  }

  #endOf(records: readonly LogRecord[]): number {
    let bytes = 0;
    let end = this.#at;
    for (let record = records[end]; record !== undefined && end - this.#at < this.#limits.maxRecords; record = records[++end]) {
      bytes += sizeOf(record);
      if (bytes > this.#limits.maxBytes && end > this.#at) break;
    }
    return end;
  }
}

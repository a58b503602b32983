import type { MutableCounters } from './counters.ts';
import type { Environment } from './environment.ts';
import type { TransportError } from './errors.ts';
import { keepUntilSent, sentAll } from './exit.ts';
import { approximateBytes } from './size.ts';
import type { EmittedEvent, Transport } from './transport.ts';

export interface BufferLimits {
  /** Most events kept, those under way included. */
  readonly maxEvents: number;
  /** Most bytes kept, approximately. */
  readonly maxBytes: number;
  /** Most events of a batch, at least one. */
  readonly batchEvents: number;
  /** Most bytes of a batch, approximately; a single event is always sent. */
  readonly batchBytes: number;
  /** How long a batch waits for more events, in ms. */
  readonly lingerMs: number;
}

export const DEFAULT_LIMITS: BufferLimits = {
  maxEvents: 10_000,
  maxBytes: 16 * 1024 * 1024,
  batchEvents: 500,
  batchBytes: 512 * 1024,
  lingerMs: 50,
};

const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 10_000;

interface Held {
  readonly event: EmittedEvent;
  readonly bytes: number;
}

/** What a transport threw, whichever package's error it is; an empty one where it threw nothing. */
type Failure = Partial<TransportError>;

interface Waiter {
  /** Number of the last event that is waited for, in the order of arrival. */
  readonly through: number;
  readonly done: () => void;
}

/**
 * Holds events until the transport took them, in order, one batch under way. A batch that fails is sent again, with exponential backoff and
 * full jitter, until it is taken or refused for good. When the buffer is full the *newest* event is dropped: what is under way stays whole, and
 * the numbers missing from the emitter's sequence show what is gone.
 */
export class EventBuffer {
  readonly #transport: Transport;
  readonly #limits: BufferLimits;
  readonly #environment: Environment;
  readonly #counters: MutableCounters;
  readonly #queue: Held[] = [];
  #bytes = 0;
  /** How many events arrived and how many of them are done with, sent or lost. */
  #arrived = 0;
  #done = 0;
  readonly #waiters = new Set<Waiter>();
  #sending = false;
  #closed = false;
  #cancelLinger: (() => undefined) | undefined;
  #hurried = false;
  /** Ends the pause before the next attempt. */
  #wake: (() => void) | undefined;

  constructor(transport: Transport, limits: BufferLimits, environment: Environment, counters: MutableCounters) {
    this.#transport = transport;
    this.#limits = limits;
    this.#environment = environment;
    this.#counters = counters;
  }

  /** Takes an event, or drops it where there is no room: then false. Never throws, never waits. */
  push(event: EmittedEvent): boolean {
    const bytes = approximateBytes(event);
    const pending = this.#arrived - this.#done;
    if (this.#closed || pending >= this.#limits.maxEvents || (pending > 0 && this.#bytes + bytes > this.#limits.maxBytes)) {
      this.#lose(1);
      return false;
    }
    if (pending === 0) keepUntilSent(this);
    this.#queue.push({ event, bytes });
    this.#bytes += bytes;
    this.#arrived++;
    this.#counters.buffered++;
    if (!this.#sending) this.#schedule();
    return true;
  }

  /** Even a full batch is sent from a timer: encoding it is not the caller's to wait for. */
  #schedule(): void {
    const full = this.#queue.length >= this.#limits.batchEvents || this.#bytes >= this.#limits.batchBytes;
    // A shorter wait takes the longer one's place, once.
    if (full && !this.#hurried) this.#cancelLinger = this.#cancelLinger?.();
    this.#hurried = full;
    this.#cancelLinger ??= this.#environment.after(full ? 0 : this.#limits.lingerMs, () => void this.#drain());
  }

  /**
   * Sends what has arrived so far, without lingering. Resolves with true once all of it is durable, with false where some was lost or
   * `timeoutMs` passed.
   */
  flush(timeoutMs: number): Promise<boolean> {
    if (this.#done === this.#arrived) return Promise.resolve(true);
    const { rejected } = this.#counters;
    return new Promise((resolve) => {
      const end = (durable: boolean): void => {
        cancel();
        this.#waiters.delete(waiter);
        resolve(durable);
      };
      const cancel = this.#environment.after(timeoutMs, () => end(false));
      // What is refused meanwhile may have come later: then too much is called lost, never too little.
      const waiter = { through: this.#arrived, done: () => end(!this.#closed && this.#counters.rejected === rejected) };
      this.#waiters.add(waiter);
      this.#wake?.();
      void this.#drain();
    });
  }

  /** Flushes, then gives up what is left. Idempotent. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#closed) return;
    await this.flush(timeoutMs);
    this.#closed = true;
    this.#wake?.();
    const left = this.#arrived - this.#done;
    if (left > 0) this.#lose(left);
    this.#queue.length = 0;
    this.#finish(left, this.#bytes);
    await this.#transport.close?.();
  }

  async #drain(): Promise<void> {
    this.#cancelLinger = this.#cancelLinger?.();
    this.#hurried = false;
    if (this.#sending) return;
    this.#sending = true;
    while (this.#queue.length > 0 && !this.#closed) await this.#deliver(this.#takeBatch());
    this.#sending = false;
  }

  #takeBatch(): Held[] {
    let count = 0;
    let bytes = 0;
    for (const held of this.#queue) {
      if (count > 0 && (count >= this.#limits.batchEvents || bytes + held.bytes > this.#limits.batchBytes)) break;
      count++;
      bytes += held.bytes;
    }
    return this.#queue.splice(0, count);
  }

  /** Returns once the batch is done with. */
  async #deliver(batch: readonly Held[]): Promise<void> {
    for (let attempt = 0; !this.#closed; attempt++) {
      const failure = await this.#send(batch);
      if (this.#closed) return;
      if (failure === undefined) {
        this.#counters.sent += batch.length;
        this.#release(batch);
        return;
      }
      if (failure.retriable === false) {
        await this.#refused(batch, failure);
        return;
      }
      this.#counters.retried++;
      this.#environment.warn(`events cannot be sent, and are kept: ${failure.message}`, 'IDEMTRACE_UNSENT');
      const backoff = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** attempt) * this.#environment.random();
      await this.#pause(Math.max(backoff, failure.retryAfterMs ?? 0));
    }
  }

  /** A part of a refused batch may be taken: halves find the events that are refused, in as many requests as their number has digits in base two. */
  async #refused(batch: readonly Held[], failure: Failure): Promise<void> {
    if (failure.divisible && batch.length > 1) {
      const half = batch.length >> 1;
      await this.#deliver(batch.slice(0, half));
      await this.#deliver(batch.slice(half));
      return;
    }
    this.#counters.rejected += batch.length;
    this.#environment.warn(`events were refused: ${failure.message}`, 'IDEMTRACE_REJECTED');
    this.#release(batch);
  }

  async #send(batch: readonly Held[]): Promise<Failure | undefined> {
    try {
      await this.#transport.send(batch.map((held) => held.event));
      return undefined;
    } catch (error) {
      return Object(error);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#environment.after(ms, () => this.#wake?.());
      this.#wake = () => {
        cancel();
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #release(batch: readonly Held[]): void {
    this.#finish(
      batch.length,
      batch.reduce((sum, { bytes }) => sum + bytes, 0),
    );
  }

  #finish(count: number, bytes: number): void {
    this.#bytes -= bytes;
    this.#done += count;
    this.#counters.buffered = this.#arrived - this.#done;
    if (this.#counters.buffered === 0) sentAll(this);
    for (const waiter of this.#waiters) if (waiter.through <= this.#done) waiter.done();
  }

  #lose(count: number): void {
    this.#counters.dropped += count;
    this.#environment.warn(`events were dropped: the ${this.#closed ? 'emitter is closed' : 'buffer is full'}`, 'IDEMTRACE_DROPPED');
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { type Alert, type Codec, type Decoded, RegistryError } from '@idemtrace/schemas';
import { type Batch, LogError, type OwnedPartition } from '@idemtrace/stream';
import { IdemtraceError } from '../errors.ts';
import { isAtLeast, type Severity } from './severity.ts';

/** A record of the topic that is no alert. */
export interface InvalidRecord {
  readonly partition: number;
  readonly offset: number;
  /** Stable code of the reason. */
  readonly reason: string;
  /** What is wrong, without any value. */
  readonly detail: string;
}

export interface Handling {
  readonly handle: (alert: Alert) => Promise<void> | void;
  /** Calls with one alert before the subscription ends with the handler's error; default: no end. */
  readonly attempts: number;
  readonly minSeverity: Severity;
  /** Told of what cannot be read as an alert. Default: a warning. */
  readonly onInvalid: (record: InvalidRecord) => void;
  readonly warn: (message: string) => void;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
/** Between tries to reach what is away. */
const AWAY_PAUSE_MS = 500;
const HEARTBEAT_MS = 1000;

/** Hands the alerts of batches on, one by one, and moves the group behind each. */
export class Delivery {
  readonly #codec: Codec;
  readonly #handling: Handling;
  readonly #stopped = new AbortController();
  /** Generation that each partition was taken over in. */
  readonly #generations = new Map<number, number>();

  constructor(codec: Codec, handling: Handling) {
    this.#codec = codec;
    this.#handling = handling;
  }

  /** Begins no other alert; waits end at once. */
  stop(): void {
    this.#stopped.abort();
  }

  async deliver(partition: OwnedPartition, batch: Batch): Promise<void> {
    const next = await this.#goThrough(partition, batch);
    // Whoever is the owner still is handed on what is left: it must not be passed over.
    if (next !== batch.to) partition.seek(next);
  }

  /** Where the next batch has to start. */
  async #goThrough(partition: OwnedPartition, batch: Batch): Promise<number> {
    const start = await this.#startIn(partition, batch);
    if (start === undefined) return batch.from;
    if (start > batch.from) return start;
    const decoded = await this.#patiently(partition, () => this.#codec.decode(batch.records));
    for (const [index, record] of batch.records.entries()) {
      const answer = decoded?.[index];
      if (answer === undefined || this.#stopped.signal.aborted) return record.offset;
      const alert = this.#alertOf(answer, partition.partition, record.offset);
      if (alert === undefined) continue;
      if (!(await this.#handle(partition, alert))) return record.offset;
      if (!(await this.#moveTo(partition, record.offset + 1))) return record.offset + 1;
    }
    await this.#moveTo(partition, batch.to);
    return batch.to;
  }

  /** The group's position, where it is within or behind the batch; undefined where it cannot be had any more. */
  async #startIn(partition: OwnedPartition, batch: Batch): Promise<number | undefined> {
    if (this.#generations.get(partition.partition) === partition.generation) return batch.from;
    const taken = await this.#patiently(partition, () => partition.takeOver());
    if (taken === undefined) return undefined;
    this.#generations.set(partition.partition, partition.generation);
    // The owner before may have gone on after this one had asked where to begin.
    return Math.max(taken.committed ?? 0, batch.from);
  }

  #alertOf(answer: Decoded, partition: number, offset: number): Alert | undefined {
    const { minSeverity, onInvalid, warn } = this.#handling;
    if (answer.ok && answer.record.name === 'Alert')
      return isAtLeast(answer.record.value.severity, minSeverity) ? answer.record.value : undefined;
    const { reason, detail } = answer.ok ? { reason: 'unexpected_record', detail: 'a record of another kind' } : answer;
    try {
      onInvalid({ partition, offset, reason, detail });
    } catch (error) {
      warn(`onInvalid failed: ${textOf(error)}`);
    }
    return undefined;
  }

  /** Until it is handled: false where the subscription was closed or the partition lost before. Throws after the last attempt. */
  async #handle(partition: OwnedPartition, alert: Alert): Promise<boolean> {
    const { handle, attempts, warn } = this.#handling;
    return this.#alive(partition, async (ended) => {
      for (let attempt = 1; !ended.aborted; attempt++) {
        try {
          await handle(alert);
          return true;
        } catch (error) {
          const about = `the handler failed on alert ${alert.alertId}, revision ${alert.revision}, attempt ${attempt}: ${textOf(error)}`;
          if (attempt >= attempts) throw new IdemtraceError('handler_failed', about, { cause: error });
          warn(about);
          await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1)), ended);
        }
      }
      return false;
    });
  }

  /** False where the partition is somebody else's by now. */
  async #moveTo(partition: OwnedPartition, offset: number): Promise<boolean> {
    try {
      return (await partition.commit(offset, [])) === 'committed';
    } catch (error) {
      // It is written with the next one, or what was handled comes again.
      if (error instanceof LogError && error.code === 'log_away') return true;
      throw error;
    }
  }

  /** Tries again while something is away; undefined where the subscription was closed, or the partition lost, meanwhile. */
  #patiently<T>(partition: OwnedPartition, ask: () => Promise<T>): Promise<T | undefined> {
    return this.#alive(partition, async (ended) => {
      for (let told = false; !ended.aborted; told = true) {
        try {
          return await ask();
        } catch (error) {
          if (!isAway(error)) throw error;
          if (!told) this.#handling.warn(`alerts are waited for: ${textOf(error)}`);
          await pause(AWAY_PAUSE_MS, ended);
        }
      }
      return undefined;
    });
  }

  /** Shows signs of life while `work` goes on; its signal is given when the subscription is closed, or the partition lost. */
  async #alive<T>(partition: OwnedPartition, work: (ended: AbortSignal) => Promise<T>): Promise<T> {
    const lost = new AbortController();
    const beating = setInterval(() => void partition.heartbeat().catch(() => lost.abort()), HEARTBEAT_MS);
    try {
      return await work(AbortSignal.any([lost.signal, this.#stopped.signal]));
    } finally {
      clearInterval(beating);
    }
  }
}

async function pause(ms: number, ended: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: ended }).catch(() => undefined);
}

function isAway(error: unknown): boolean {
  return (error instanceof LogError && error.code === 'log_away') || (error instanceof RegistryError && error.code === 'away');
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

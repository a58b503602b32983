import { kindOf, toLogError } from './faults.ts';
import type { MemberIdentity } from './membership.ts';

/** Offsets of batches without output are written at most this often, ms. */
const everyMs = 200;

export interface OffsetsDuties {
  /** Who commits; undefined where this member is none of the group's. */
  identity(): MemberIdentity | undefined;
  send(identity: MemberIdentity, offsets: ReadonlyMap<number, number>): Promise<void>;
  /** What the answer says of the membership. */
  heard(error: unknown): void;
}

/**
 * Commits that need no transaction: those of batches without output. The coordinator refuses them of a member whose generation is over. The first
 * after a pause is written at once, so that its answer is the group's; those that follow are written together, a little later.
 */
export class Offsets {
  readonly #duties: OffsetsDuties;
  readonly #pending = new Map<number, number>();
  #flushing: Promise<void> | undefined;
  #flushedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** The fate of the last write is not known: it may still be on its way. */
  #inDoubt = false;

  constructor(duties: OffsetsDuties) {
    this.#duties = duties;
  }

  /** Throws `log_away` where it was due and cannot be written now: it stays to be written. */
  async commit(partition: number, next: number): Promise<'committed' | 'fenced'> {
    this.#pending.set(partition, next);
    const wait = this.#flushedAt + everyMs - performance.now();
    if (wait <= 0) return this.flush();
    this.#flushLater(wait);
    return 'committed';
  }

  /** A transaction is about to move this partition's offset: nothing older may be written after it. Throws `log_away`. */
  async supersede(partition: number): Promise<void> {
    if (this.#inDoubt) await this.flush();
    this.#pending.delete(partition);
    await this.#flushing?.catch(() => undefined);
    this.#pending.delete(partition);
  }

  forget(partition: number): void {
    this.#pending.delete(partition);
  }

  /** Writes what is pending. `fenced` where the group goes on without this member: nothing of it is to be written any more. */
  async flush(): Promise<'committed' | 'fenced'> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#flushing?.catch(() => undefined);
    if (this.#pending.size === 0) return 'committed';
    const identity = this.#duties.identity();
    if (identity === undefined) {
      this.#pending.clear();
      return 'fenced';
    }
    const offsets = new Map(this.#pending);
    this.#flushedAt = performance.now();
    const flushing = this.#duties.send(identity, offsets);
    this.#flushing = flushing;
    try {
      await flushing;
      this.#inDoubt = false;
      for (const [partition, next] of offsets) if (this.#pending.get(partition) === next) this.#pending.delete(partition);
      return 'committed';
    } catch (error) {
      this.#duties.heard(error);
      const kind = kindOf(error);
      if (kind === 'fenced') {
        this.#pending.clear();
        this.#inDoubt = false;
        return 'fenced';
      }
      this.#flushLater(everyMs);
      // The group is being rebalanced: what is kept is written in its next generation.
      if (kind === 'rebalancing') return 'committed';
      this.#inDoubt = true;
      throw toLogError(error, 'Offsets were not committed');
    } finally {
      if (this.#flushing === flushing) this.#flushing = undefined;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#pending.clear();
  }

  #flushLater(wait: number): void {
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), wait);
  }
}

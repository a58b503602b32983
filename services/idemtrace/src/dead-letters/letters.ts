/** Dead letters, as they stand on their topic. */
import type { DeadLetter } from '@idemtrace/schemas';
import type { LogRecord, Position } from '@idemtrace/stream';
import type { Store } from '../pipeline/store.ts';

/** A dead letter and its own place: `letter` holds that of the record it is about. */
export interface StandingLetter extends Position {
  /** When the record became a dead letter, ms since the epoch. */
  readonly since: number;
  readonly letter: DeadLetter;
}

export interface LetterFilter {
  readonly reason?: string | undefined;
  /** Those that became dead letters at or after it, ms since the epoch. */
  readonly since?: number | undefined;
}

/** What there is now, partition by partition, each in order. `onOther` is told of records on the topic that are no dead letters. */
export async function* readLetters(
  store: Store,
  topic: string,
  { reason, since }: LetterFilter = {},
  onOther: () => void = () => {},
): AsyncGenerator<StandingLetter> {
  const from = since === undefined ? 'start' : new Map((await store.log.offsetsAt(topic, since)).entries());
  for await (const record of store.log.tail(topic, { from })) {
    const standing = await letterOf(store, record);
    if (standing === undefined) onOther();
    else if (reason === undefined || standing.letter.reason === reason) yield standing;
  }
}

/** The dead letter at a position; undefined where there is none. */
export async function letterAt(store: Store, topic: string, { partition, offset }: Position): Promise<StandingLetter | undefined> {
  for await (const record of store.log.tail(topic, { partition, from: new Map([[partition, offset]]) })) {
    // Where the offset is deleted, or one of the log's own, reading begins at the next record.
    return record.offset === offset ? letterOf(store, record) : undefined;
  }
  return undefined;
}

async function letterOf({ codec }: Store, record: LogRecord): Promise<StandingLetter | undefined> {
  const [decoded] = await codec.decode([record]);
  if (!decoded?.ok || decoded.record.name !== 'DeadLetter') return undefined;
  return { partition: record.partition, offset: record.offset, since: record.logTime, letter: decoded.record.value };
}

/** A position as people write it: `3:17`. */
export function positionText({ partition, offset }: Position): string {
  return `${partition}:${offset}`;
}

/** What `positionText` writes; undefined for any other text. */
export function parsePosition(text: string): Position | undefined {
  const [, partition, offset] = /^(\d{1,9}):(\d{1,15})$/.exec(text) ?? [];
  return partition === undefined || offset === undefined ? undefined : { partition: Number(partition), offset: Number(offset) };
}

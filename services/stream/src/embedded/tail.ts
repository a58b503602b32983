import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogRecord, TailOptions } from '../port.ts';
import { type Core, read } from './core.ts';
import type { Span } from './records.ts';

/** How much is read at once: between slices the event loop turns, and no lock of the file is held. */
const slice = { maxRecords: 500, maxBytes: 4 * 1024 * 1024 } as const;

interface Cursor {
  readonly span: Span;
  next: number;
  readonly end: number;
}

/** Reads a topic without a group; where it ends without `follow` is decided by the call, not by the first record taken. */
export function tail(core: Core, topic: string, options: TailOptions): AsyncIterable<LogRecord> {
  const cursors = read(core, () => cursorsOf(core, topic, options));
  // Whoever iterates meets the fault.
  cursors.catch(() => undefined);
  return {
    [Symbol.asyncIterator]: () =>
      options.follow === true ? follow(core, cursors, options.signal) : readOnce(core, cursors, options.signal),
  };
}

function cursorsOf(core: Core, topic: string, options: TailOptions): Cursor[] {
  const { from = 'start', partition } = options;
  const spans = core.topics.find(topic).spans.filter((span) => partition === undefined || span.partition === partition);
  return spans.map((span) => {
    const { low, high } = core.records.stateOf(span.partitionId);
    const wanted = from === 'start' ? low : from === 'end' ? high : (from.get(span.partition) ?? low);
    return { span, next: Math.min(Math.max(wanted, low), high), end: high };
  });
}

async function* readOnce(core: Core, starts: Promise<readonly Cursor[]>, signal: AbortSignal | undefined): AsyncGenerator<LogRecord> {
  const aborted = () => signal?.aborted === true;
  for (const { span, next, end } of await starts) {
    for (let from = next; from < end && !aborted(); ) {
      const records = await read(core, () => core.records.fetch(span, from, slice));
      // Retention may have taken the rest.
      from = (records.at(-1)?.offset ?? end) + 1;
      for (const record of records) {
        if (aborted() || record.offset >= end) break;
        yield record;
      }
      await nextTurn();
    }
  }
}

async function* follow(core: Core, starts: Promise<readonly Cursor[]>, signal: AbortSignal | undefined): AsyncGenerator<LogRecord> {
  const aborted = () => signal?.aborted === true;
  const wake = () => core.bell.ring();
  const cursors = (await starts).map((cursor) => ({ ...cursor }));
  signal?.addEventListener('abort', wake);
  core.watch.hold();
  try {
    while (!aborted()) {
      const seen = core.bell.rings;
      let found = false;
      for (const cursor of cursors) {
        const records = await read(core, () => core.records.fetch(cursor.span, cursor.next, slice));
        for (const record of records) {
          if (aborted()) return;
          found = true;
          cursor.next = record.offset + 1;
          yield record;
        }
        await nextTurn();
      }
      if (!found && !aborted()) await core.bell.next(seen);
    }
  } finally {
    core.watch.release();
    signal?.removeEventListener('abort', wake);
  }
}

/** A file's lines as bytes, one chunk at a time: what is kept is one chunk and one unfinished line, whatever the file's size. */
import { createReadStream } from 'node:fs';

/** A longer line is a mistake: it would have to be held in memory whole. */
export const MOST_LINE_BYTES = 16 * 1024 * 1024;

export interface RawLine {
  /** From 1. */
  readonly number: number;
  /** Without its line feed; undefined where the line is longer than `MOST_LINE_BYTES`. Valid until the next chunk is asked for. */
  readonly bytes: Buffer | undefined;
}

const LINE_FEED = 0x0a;
const CHUNK_BYTES = 1024 * 1024;

/**
 * Lines in order, in groups as they come off the disk. The part after the last line feed is a line if it is not empty.
 *
 * @param onChunk sees every byte of the file, in order, before the lines that it completes.
 */
export async function* readLines(path: string, onChunk: (chunk: Buffer) => void): AsyncGenerator<readonly RawLine[]> {
  let number = 0;
  let unfinished: Buffer[] = [];
  let unfinishedBytes = 0;

  const finish = (end: Buffer): RawLine => {
    number += 1;
    const length = unfinishedBytes + end.length;
    const bytes = length > MOST_LINE_BYTES ? undefined : unfinished.length === 0 ? end : Buffer.concat([...unfinished, end], length);
    unfinished = [];
    unfinishedBytes = 0;
    return { number, bytes };
  };

  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    onChunk(chunk);
    const lines: RawLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      lines.push(finish(chunk.subarray(start, end)));
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    unfinishedBytes += rest.length;
    // Of a line that is too long already only the length counts.
    if (unfinishedBytes > MOST_LINE_BYTES) unfinished = [];
    else if (rest.length > 0) unfinished.push(rest);
    if (lines.length > 0) yield lines;
  }
  if (unfinishedBytes > 0) yield [finish(Buffer.alloc(0))];
}

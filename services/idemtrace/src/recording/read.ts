/**
 * Reads recordings: UTF-8, one JSON object a line. A byte order mark, carriage returns before line feeds and blank lines (which keep their
 * numbers) are let pass; everything else that is not of the format is a mistake with its line.
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { MOST_LINE_BYTES, type RawLine, readLines } from './lines.ts';
import { type Mistake, MOST_MISTAKES, mistakesOf, RecordingError } from './mistakes.ts';
import { type RecordingSurvey, Surveyor } from './survey.ts';
import { type NumberedLine, recordedLine } from './types.ts';

/** SHA-256 of a whole file, hex. */
export type FileDigest = string;

export interface SurveyedRecording extends RecordingSurvey {
  readonly digest: FileDigest;
}

/**
 * First pass over a recording: checks every line, so that nothing is emitted from a file with a mistake at its end, and learns what the
 * plan needs to know beforehand. Throws a `RecordingError` that lists the mistakes, or the file system's own error.
 */
export async function surveyRecording(path: string): Promise<SurveyedRecording> {
  const surveyor = new Surveyor();
  const hash = createHash('sha256');
  for await (const lines of validLines(path, (chunk) => hash.update(chunk))) {
    for (const line of lines) surveyor.add(line);
  }
  return { ...surveyor.survey(), digest: hash.digest('hex') };
}

/**
 * The lines of a recording, in order, each with its number, in groups as they come off the disk.
 *
 * @param expected the digest that the survey found: a file that changed since throws a `RecordingError`, after its last line.
 */
export async function* readRecording(path: string, expected?: FileDigest): AsyncGenerator<readonly NumberedLine[]> {
  const hash = createHash('sha256');
  yield* validLines(path, (chunk) => hash.update(chunk));
  if (expected !== undefined && hash.digest('hex') !== expected) throw new RecordingError('recording_changed', path);
}

async function* validLines(path: string, onChunk: (chunk: Buffer) => void): AsyncGenerator<readonly NumberedLine[]> {
  const mistakes: Mistake[] = [];
  for await (const group of readLines(path, onChunk)) {
    const lines: NumberedLine[] = [];
    for (const raw of group) {
      const line = parseLine(raw);
      if (line === undefined) continue;
      if ('mistakes' in line) mistakes.push(...line.mistakes);
      else lines.push(line);
      if (mistakes.length >= MOST_MISTAKES) throw new RecordingError('invalid_recording', path, mistakes.slice(0, MOST_MISTAKES));
    }
    if (mistakes.length === 0) yield lines;
  }
  if (mistakes.length > 0) throw new RecordingError('invalid_recording', path, mistakes);
}

const BYTE_ORDER_MARK = '\uFEFF';

/** A line of the file as what it says, or what is wrong with it; undefined where it is blank. */
export function parseLine({ number, bytes }: RawLine): NumberedLine | { readonly mistakes: readonly Mistake[] } | undefined {
  const wrong = (problem: string) => ({ mistakes: [{ line: number, field: undefined, problem }] });
  if (bytes === undefined) return wrong(`longer than ${MOST_LINE_BYTES} bytes`);
  if (!isUtf8(bytes)) return wrong('not UTF-8');
  let text = bytes.toString('utf8');
  if (number === 1 && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return text.trim() === '' ? undefined : wrong(`not JSON${columnOf(error)}`);
  }
  const parsed = recordedLine.safeParse(value);
  if (parsed.success) return { number, value: parsed.data };
  return { mistakes: mistakesOf(number, parsed.error.issues) };
}

/** Where the parser stopped. The rest of its message may quote the text, and the text may hold anything: hence the end only. */
function columnOf(error: unknown): string {
  const message = error instanceof SyntaxError ? error.message : '';
  const position = /at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(message)?.[1];
  return position === undefined ? '' : ` at character ${Number(position) + 1}`;
}

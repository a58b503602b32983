/** What is wrong with a recording: by line and field, never with a value of it. */
import type { z } from 'zod';

export interface Mistake {
  /** Line of the file, from 1. */
  readonly line: number;
  /** Field of the line, e.g. `documents[0].id`; undefined where the line as a whole is wrong. */
  readonly field: string | undefined;
  /** What must be otherwise. */
  readonly problem: string;
}

/** How many mistakes one error lists. */
export const MOST_MISTAKES = 20;

/**
 * - `invalid_recording`: the lines listed in `mistakes` are not of the format
 * - `recording_changed`: the file is not the one that was surveyed before
 */
export type RecordingErrorCode = 'invalid_recording' | 'recording_changed';

export class RecordingError extends Error {
  override readonly name = 'RecordingError';
  readonly code: RecordingErrorCode;
  readonly path: string;
  readonly mistakes: readonly Mistake[];

  constructor(code: RecordingErrorCode, path: string, mistakes: readonly Mistake[] = []) {
    super(textOf(code, path, mistakes));
    this.code = code;
    this.path = path;
    this.mistakes = mistakes;
  }
}

function textOf(code: RecordingErrorCode, path: string, mistakes: readonly Mistake[]): string {
  if (code === 'recording_changed') return `${path} changed while it was read`;
  const listed = mistakes.map(({ line, field, problem }) => `  line ${line}${field === undefined ? '' : `, ${field}`}: ${problem}`);
  if (mistakes.length >= MOST_MISTAKES) listed.push('  reading stopped here: there may be more');
  return [`${path} is not a recording:`, ...listed].join('\n');
}

/** The longest piece of a field's name that an error repeats: a name is the file's, and may be anything. */
const MOST_NAME = 64;

function quoted(name: string): string {
  return JSON.stringify(name.length > MOST_NAME ? `${name.slice(0, MOST_NAME)}…` : name);
}

function pathOf(path: readonly PropertyKey[]): string | undefined {
  if (path.length === 0) return undefined;
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`)).join('');
}

/** A validator's findings on a line. Its own messages name types and bounds only, so they can be passed on. */
export function mistakesOf(line: number, issues: readonly z.core.$ZodIssue[]): readonly Mistake[] {
  return issues.flatMap((issue): readonly Mistake[] => {
    const field = pathOf(issue.path);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ line, field, problem: `unknown field ${quoted(key)}` }));
    }
    if (issue.code === 'invalid_union' && field === 'kind') return [{ line, field, problem: 'must be tool_call or retrieval' }];
    if (issue.code === 'invalid_union') return [{ line, field, problem: 'has none of the forms allowed here' }];
    if (issue.code === 'invalid_format') return [{ line, field, problem: `must be a UUID` }];
    return [{ line, field, problem: issue.message }];
  });
}

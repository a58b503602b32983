import { readFileSync, statSync } from 'node:fs';
import { type CompiledPolicy, PolicyLookup } from '@idemtrace/schemas';
import type { PolicyNote } from './notes.ts';
import { type PolicyMistake, readPolicy } from './read.ts';

/** What became of a policy file that changed. */
export type PolicyChange =
  /** `sameVersion`: the author forgot to count on, so that alerts of both policies name the same version. */
  | { readonly kind: 'reloaded'; readonly policy: CompiledPolicy; readonly notes: readonly PolicyNote[]; readonly sameVersion: boolean }
  /** The policy before it stays in force. Told once for each broken text. */
  | { readonly kind: 'broken'; readonly text: string; readonly mistakes: readonly PolicyMistake[] }
  /** The file is away or cannot be read; the policy stays in force. Told once until it can be read again. */
  | { readonly kind: 'unreadable'; readonly message: string };

export interface PolicySource {
  /** The policy in force; looks at the file first, where that is due. Ask once a batch, so that a batch is judged by one policy. */
  current(): PolicyLookup;
  /** Looks at the file now. */
  poll(): void;
}

export interface WatchOptions {
  /** Monotonic or wall clock, ms. */
  readonly clock: () => number;
  /** Least time between two looks at the file by `current`, ms. Default 1000. */
  readonly intervalMs?: number;
  readonly onChange?: (change: PolicyChange) => void;
  /** Reads the file; throws where it cannot. Default: from the file system, refusing what is larger than a policy may be. */
  readonly read?: (path: string) => string;
}

export type WatchPolicy =
  | { readonly ok: true; readonly source: PolicySource; readonly notes: readonly PolicyNote[] }
  | { readonly ok: false; readonly text: string; readonly mistakes: readonly PolicyMistake[] };

/**
 * Holds the policy of a file and follows its changes by its text (times and sizes miss edits within a clock tick and swapped links; reading
 * a small file once a second costs nothing). A broken or missing new file leaves the old policy in force. Throws where the file cannot be
 * read at the start.
 */
export function watchPolicy(path: string, options: WatchOptions): WatchPolicy {
  const { clock, intervalMs = 1000, onChange, read = readSmallFile } = options;
  let text = read(path);
  const first = readPolicy(text);
  if (!first.ok) return { ok: false, text, mistakes: first.mistakes };
  let lookup = new PolicyLookup(first.policy);
  let due = clock() + intervalMs;
  let readable = true;

  const look = () => {
    let now: string;
    try {
      now = read(path);
    } catch (error) {
      if (readable) onChange?.({ kind: 'unreadable', message: error instanceof Error ? error.message : String(error) });
      readable = false;
      return;
    }
    readable = true;
    if (now === text) return;
    text = now;
    const result = readPolicy(text);
    if (!result.ok) {
      onChange?.({ kind: 'broken', text, mistakes: result.mistakes });
      return;
    }
    const before = lookup.policy;
    if (JSON.stringify(before) === JSON.stringify(result.policy)) return;
    lookup = new PolicyLookup(result.policy);
    onChange?.({ kind: 'reloaded', policy: result.policy, notes: result.notes, sameVersion: before.version === result.policy.version });
  };
  const poll = () => {
    due = clock() + intervalMs;
    look();
  };
  const current = () => {
    if (clock() >= due) poll();
    return lookup;
  };
  return { ok: true, notes: first.notes, source: { current, poll } };
}

function readSmallFile(path: string): string {
  const { size } = statSync(path);
  if (size > MAX_BYTES) throw new Error(`${path} is too large to be a policy: ${size} bytes`);
  return readFileSync(path, 'utf8');
}

/** A policy's largest text, were every character four bytes long. */
const MAX_BYTES = 4 * 1_048_576;

/** Text that comes again and again (tenants, workflows, tools, key ids, paths) is made once, and shared by all who remember it. */

/** Longest text that is looked for: longer ones are digests and ids of one event. */
export const MAX_SHARED = 32;
const SLOTS = 4096;
const shared: string[] = Array.from({ length: SLOTS }, () => '');

type Slices = Buffer & { utf8Slice(from: number, to: number): string };

/**
 * The text of ASCII bytes. `hash` is any hash of them: the caller has looked at every byte anyway, to know that they are ASCII. A call of
 * Node's decoder costs more than all else that is done to a short text.
 */
export function sharedText(buf: Buffer, from: number, to: number, hash: number): string {
  const slot = (hash ^ (hash >>> 12)) & (SLOTS - 1);
  const candidate = shared[slot] as string;
  if (candidate.length === to - from) {
    let i = 0;
    while (from + i < to && candidate.charCodeAt(i) === buf[from + i]) i++;
    if (from + i === to) return candidate;
  }
  const text = (buf as Slices).utf8Slice(from, to);
  shared[slot] = text;
  return text;
}

export function text(buf: Buffer, from: number, to: number): string {
  return (buf as Slices).utf8Slice(from, to);
}

import type { CompiledPolicy } from '@idemtrace/schemas';
import type { LocatedDocument } from './document.ts';

/** Something that is allowed, and probably not meant. */
export interface PolicyNote {
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
}

/** Entries compared with the ones before them: the work is the square. */
const COMPARED = 1000;
/** Steps of all comparisons together: each takes the product of the patterns' lengths, which 1,000 long ones would make minutes of. */
const MOST_STEPS = 50_000_000;

export function notesOf(policy: CompiledPolicy, document: LocatedDocument): PolicyNote[] {
  const notes: PolicyNote[] = [];
  const note = (path: readonly PropertyKey[], what: 'key' | 'value', message: string) =>
    notes.push({ ...document.place(path, what), path: document.name(path), message });

  let steps = 0;
  const isCovered = (narrow: string, wide: string) => {
    // A name without wildcards takes itself alone, and no two entries are alike.
    if (!/[*?]/.test(wide) || steps > MOST_STEPS) return false;
    steps += (wide.length + 1) * (narrow.length + 1);
    return covers(wide, narrow);
  };
  for (const section of ['tools', 'dataSources'] as const) {
    const patterns = policy[section].slice(0, COMPARED).map((entry) => entry.match);
    for (const [index, pattern] of patterns.entries()) {
      const earlier = patterns.slice(0, index).find((other) => isCovered(pattern, other));
      if (earlier !== undefined)
        note([section, index, 0], 'key', `never matches: the entry \`${earlier}\` above it takes every name first`);
    }
  }
  for (const [index, tool] of policy.tools.entries()) {
    const at = (member: string) => ['tools', index, 1, member];
    if (tool.effect === 'read' && tool.effectKey !== undefined) {
      note(at('effectKey'), 'key', 'has no use on a read: reads are told apart by their input alone');
    }
    if (tool.effect === 'delegate' && (tool.effectKey ?? tool.poll) !== undefined) {
      note(at(tool.effectKey === undefined ? 'poll' : 'effectKey'), 'key', 'has no use on a delegate: no rule judges it');
    }
    const key = tool.effectKey?.paths ?? [];
    const volatile = tool.volatile?.find((path) => key.includes(path));
    if (volatile !== undefined) note(at('volatile'), 'key', `\`${volatile}\` is volatile and part of the effect key`);
    if (tool.poll !== undefined && tool.poll.max < policy.loopThreshold) {
      note([...at('poll'), 'max'], 'value', `has no use below the loop's threshold, ${policy.loopThreshold}`);
    }
    if (tool.disclose?.input?.includes('*') || tool.disclose?.result?.includes('*')) {
      note(at('disclose'), 'key', 'everything leaves the agent in clear');
    }
    if (Object.keys(tool).length === 1)
      note(['tools', index, 0], 'key', 'says nothing about these tools, and keeps later entries from them');
  }
  return notes;
}

/** Whether the first glob matches every name that the second matches. May miss it where `*` and `?` are mixed; never says so wrongly. */
export function covers(wide: string, narrow: string): boolean {
  const rows = wide.length + 1;
  const columns = narrow.length + 1;
  const reached = Array.from({ length: rows }, () => new Array<boolean>(columns).fill(false));
  for (let w = 0; w < rows; w++) {
    for (let n = 0; n < columns; n++) {
      const row = reached[w];
      if (row === undefined) continue;
      const pattern = wide[w - 1];
      const name = narrow[n - 1];
      if (w === 0) row[n] = n === 0;
      else if (pattern === '*') row[n] = (reached[w - 1]?.[n] ?? false) || (n > 0 && (row[n - 1] ?? false));
      else if (n > 0 && name !== '*' && (pattern === '?' || pattern === name)) row[n] = reached[w - 1]?.[n - 1] ?? false;
    }
  }
  return reached[rows - 1]?.[columns - 1] ?? false;
}

import type { Block, Item, Lane } from './picture.ts';

/** Blocks of the same step side by side, or a stretch that is left out, with how many steps of each lane it holds. */
export type Row =
  | { readonly kind: 'blocks'; readonly blocks: readonly (Block | undefined)[] }
  | { readonly kind: 'elided'; readonly steps: readonly number[] };

/** Up to so many rows nothing is left out. */
const WHOLE = 16;
/** Rows kept around what is affected. */
const CONTEXT = 1;
/** Shorter stretches are not worth leaving out. */
const SHORTEST = 4;

/** Lines the lanes up by step and leaves out long stretches in which nothing is affected. */
export function alignLanes(lanes: readonly Lane[], elide = true): Row[] {
  const steps = [...new Set(lanes.flatMap((lane) => lane.blocks.map((block) => block.step)))].sort((a, b) => a - b);
  const byStep = lanes.map((lane) => new Map(lane.blocks.map((block) => [block.step, block])));
  const rows = steps.map((step) => byStep.map((blocks) => blocks.get(step)));
  const size = rows.reduce((sum, blocks) => sum + Math.max(...blocks.map((block) => block?.items.length ?? 0)), 0);
  if (!elide || size <= WHOLE) return rows.map((blocks) => ({ kind: 'blocks', blocks }));
  const affected = rows.map((blocks) => blocks.some((block) => block?.items.some((item) => item.affected)));
  return stretches(rows, affected).map((stretch) => {
    if (stretch.kept)
      return { kind: 'blocks', blocks: stretch.entry.map((block) => block && { ...block, items: elideItems(block.items) }) };
    return { kind: 'elided', steps: lanes.map((_, lane) => stretch.entries.filter((blocks) => blocks[lane] !== undefined).length) };
  });
}

/** A sub-agent's many steps stand in one step of its parent: they are left out item by item. */
function elideItems(items: readonly Item[]): readonly Item[] {
  if (items.length <= WHOLE / 2) return items;
  const affected = items.map((item) => item.affected || item.kind === 'subrun');
  return stretches(items, affected).map((stretch) => {
    if (stretch.kept) return stretch.entry;
    return { kind: 'elided', count: stretch.entries.length, depth: stretch.entries[0]?.depth ?? 0, affected: false };
  });
}

type Stretch<T> = { readonly kept: true; readonly entry: T } | { readonly kept: false; readonly entries: readonly T[] };

/** Keeps the first and last entry, what is affected and what is next to it. */
function stretches<T>(entries: readonly T[], affected: readonly boolean[]): Stretch<T>[] {
  const kept = entries.map(
    (_, index) =>
      index === 0 || index === entries.length - 1 || affected.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).includes(true),
  );
  const result: Stretch<T>[] = [];
  for (let index = 0; index < entries.length; ) {
    const next = kept.indexOf(true, index);
    const end = next === -1 ? entries.length : next;
    const run = entries.slice(index, end);
    if (run.length >= SHORTEST) result.push({ kept: false, entries: run });
    else for (const entry of run) result.push({ kept: true, entry });
    if (end < entries.length) result.push(...entries.slice(end, end + 1).map((entry) => ({ kept: true as const, entry })));
    index = end + 1;
  }
  return result;
}

import type { PlainJson } from './plain.ts';

/** A segment that stands for every entry of a list. */
const ENTRIES = '[]';

/** A path as a policy writes it, taken apart: `order.id`, `items[].nonce`, `[]` where the input itself is a list. */
export type Path = readonly string[];

const parsed = new Map<string, Path>();
const REMEMBERED_PATHS = 4096;

/** Member names are what stands between dots; one that holds a dot or a bracket cannot be written. */
export function parsePath(text: string): Path {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const path = text.match(/\[\]|[^.[\]]+/g) ?? [];
  if (parsed.size >= REMEMBERED_PATHS) parsed.clear();
  parsed.set(text, path);
  return path;
}

/** Every value that a path leads to, in order; none where it leads nowhere. */
export function valuesAt(value: PlainJson | undefined, path: Path): PlainJson[] {
  let reached: PlainJson[] = value === undefined ? [] : [value];
  for (const segment of path) {
    reached = reached.flatMap((at) => {
      if (at === null || typeof at !== 'object') return [];
      if (Array.isArray(at)) return segment === ENTRIES ? at : [];
      const member = Object.hasOwn(at, segment) ? at[segment] : undefined;
      return member === undefined ? [] : [member];
    });
  }
  return reached;
}

/** Removes what a path leads to, in place: for copies. Entries of lists are emptied, not moved, so that other entries keep their place. */
export function removeAt(value: PlainJson | undefined, path: Path): void {
  const last = path.at(-1);
  if (last === undefined) return;
  for (const at of valuesAt(value, path.slice(0, -1))) {
    if (at === null || typeof at !== 'object') continue;
    if (!Array.isArray(at)) delete at[last];
    else if (last === ENTRIES) at.fill(null);
  }
}

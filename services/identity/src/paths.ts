import type { PlainJson } from './plain.ts';

/** Stands for every entry of a list. */
const ENTRIES = Symbol('entries');

/** A path as a policy writes it, taken apart: `order.id`, `items[].nonce`, `[]` where the input itself is a list. */
export type Path = readonly (string | typeof ENTRIES)[];

const parsed = new Map<string, Path>();
const REMEMBERED_PATHS = 4096;

/** Member names are taken as they are between dots; a name that holds a dot or ends in `[]` cannot be written. */
export function parsePath(text: string): Path {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const path = text.split('.').flatMap((segment) => {
    const name = segment.replace(/(\[\])+$/, '');
    const lists = (segment.length - name.length) / 2;
    return [...(name === '' ? [] : [name]), ...Array<typeof ENTRIES>(lists).fill(ENTRIES)];
  });
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
      const member = segment !== ENTRIES && Object.hasOwn(at, segment) ? at[segment] : undefined;
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
    if (last === ENTRIES) {
      if (Array.isArray(at)) at.fill(null);
    } else if (!Array.isArray(at)) delete at[last];
  }
}

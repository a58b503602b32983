import type { ExecutionView } from './view.ts';

/**
 * Which leaves of two inputs are the same, by their digests: `same: …`, `different: …`, `only the earlier one: …`, `only this one: …`.
 * Digests of leaves are under one key each, also while it is being rotated: across a change of keys only the inputs as a whole can be compared.
 */
export function compareArguments(earlier: ExecutionView, current: ExecutionView): string[] {
  const keys = [earlier.leafHashKeyId, current.leafHashKeyId];
  if (keys[0] !== keys[1] && !keys.includes(null)) {
    const isSame = current.inputHashes.some(({ hashKeyId, digest }) =>
      earlier.inputHashes.some((other) => other.hashKeyId === hashKeyId && other.digest === digest),
    );
    return [isSame ? 'same: the input as a whole' : `not comparable one by one: they are digested under the keys ${keys.join(' and ')}`];
  }
  const before = digestsByPath(earlier);
  const now = digestsByPath(current);
  const shared = [...before.keys()].filter((path) => now.has(path));
  const groups: readonly (readonly [string, readonly string[]])[] = [
    ['same', shared.filter((path) => before.get(path) === now.get(path))],
    ['different', shared.filter((path) => before.get(path) !== now.get(path))],
    ['only the earlier one', [...before.keys()].filter((path) => !now.has(path))],
    ['only this one', [...now.keys()].filter((path) => !before.has(path))],
  ];
  const omitted = Math.max(earlier.argumentDigestsOmitted, current.argumentDigestsOmitted);
  return [
    ...groups.filter(([, paths]) => paths.length > 0).map(([name, paths]) => `${name}: ${paths.join(', ')}`),
    ...(omitted > 0 ? [`${omitted} more are not compared: there was no room for them`] : []),
  ];
}

/** Entries of a list share a path: they are the same where all are, in order. */
function digestsByPath({ argumentDigests }: ExecutionView): ReadonlyMap<string, string> {
  const byPath = new Map<string, string>();
  for (const { path, digest } of argumentDigests) byPath.set(path, `${byPath.get(path) ?? ''}${digest} `);
  return byPath;
}

/** What the policy let leave the agent, of both executions: `invoice_id = "inv-1"`, with the earlier value where it was another. */
export function disclosedOf(earlier: ExecutionView | undefined, current: ExecutionView): string[] {
  const before = new Map(earlier?.disclosed.map(({ path, json }) => [path, json]));
  const now = new Map(current.disclosed.map(({ path, json }) => [path, json]));
  return [...new Set([...before.keys(), ...now.keys()])].map((path) => {
    const old = before.get(path);
    const value = now.get(path);
    if (old === undefined || old === value) return `${path} = ${value}`;
    return value === undefined ? `${path} = ${old}, in the earlier one alone` : `${path} = ${value}, before ${old}`;
  });
}

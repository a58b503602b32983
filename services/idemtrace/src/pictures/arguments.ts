import type { ExecutionView } from './view.ts';

/**
 * Which leaves of two inputs are the same, by their digests: `same: …`, `different: …`, `only the earlier one: …`, `only this one: …`.
 * Digests under different keys are not comparable, and are said to be so.
 */
export function compareArguments(earlier: ExecutionView, current: ExecutionView): string[] {
  const keys = new Set(earlier.inputHashes.map((hash) => hash.hashKeyId));
  const comparable = keys.size === 0 || current.inputHashes.length === 0 || current.inputHashes.some((hash) => keys.has(hash.hashKeyId));
  if (!comparable) return ['not comparable: the two are hashed under different keys'];
  const before = new Map(earlier.argumentDigests.map(({ path, digest }) => [path, digest]));
  const now = new Map(current.argumentDigests.map(({ path, digest }) => [path, digest]));
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

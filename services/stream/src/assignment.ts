/** Who owns a partition of a group now: undefined where nobody does. */
export interface Share {
  readonly partition: number;
  readonly member: string | undefined;
}

/**
 * Owner of each partition: numbers of partitions differ by one at most, and a partition stays where it is unless its owner is gone or has
 * more than its part. The same members (in the same order) and shares give the same answer wherever it is worked out. Without members
 * nobody owns anything.
 */
export function assign(members: readonly string[], shares: readonly Share[]): Map<number, string> {
  const owned = new Map(members.map((member) => [member, [] as number[]]));
  const free: number[] = [];
  for (const { partition, member } of shares) (owned.get(member ?? '') ?? free).push(partition);

  const least = Math.floor(shares.length / members.length);
  const larger = shares.length % members.length;
  const bySize = [...owned].sort(([, left], [, right]) => right.length - left.length);
  const assignment = new Map<number, string>();
  const wanting: string[] = [];
  for (const [rank, [member, partitions]] of bySize.entries()) {
    const part = least + (rank < larger ? 1 : 0);
    for (const partition of partitions.slice(0, part)) assignment.set(partition, member);
    free.push(...partitions.slice(part));
    for (let count = partitions.length; count < part; count++) wanting.push(member);
  }
  free.sort((left, right) => left - right);
  for (const [index, partition] of free.entries()) {
    const member = wanting[index];
    if (member !== undefined) assignment.set(partition, member);
  }
  return assignment;
}

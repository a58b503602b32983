/** What one list has more of than the other, however often each thing is in it. */
export function differenceOf(what: string, expected: readonly string[], actual: readonly string[]): readonly string[] {
  const balance = new Map<string, number>();
  for (const one of expected) balance.set(one, (balance.get(one) ?? 0) + 1);
  for (const one of actual) balance.set(one, (balance.get(one) ?? 0) - 1);
  const differences: string[] = [];
  for (const [one, count] of balance) {
    if (count > 0) differences.push(`missing ${what}, ${count} times: ${one}`);
    else if (count < 0) differences.push(`${what} too many, ${-count} times: ${one}`);
  }
  return differences;
}

/** A member of a stranger's value; undefined where there is none. Throws what a getter throws. */
export function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

import { canonicalText, type PlainJson, parsePath, valuesAt } from '@idemtrace/identity';
import type { DisclosedField } from '@idemtrace/schemas';

const LONGEST_JSON = 1024;

/**
 * What a policy lets leave the agent in clear, as JSON, cut at 1,024 characters. A path that leads nowhere discloses nothing; one through a
 * list discloses the list of what it leads to; `*` discloses the whole.
 */
export function disclose(
  root: 'input' | 'result' | 'query',
  value: PlainJson | undefined,
  paths: readonly string[] | undefined,
): DisclosedField[] {
  if (paths === undefined || value === undefined) return [];
  const disclosed: DisclosedField[] = [];
  for (const path of paths) {
    const values = path === '*' ? [value] : valuesAt(value, parsePath(path));
    const chosen = path.includes('[]') ? values : values[0];
    if (values.length === 0 || chosen === undefined) continue;
    const canonical = canonicalText(chosen);
    if (canonical.ok)
      disclosed.push({ path: path === '*' ? root : `${root}.${path}`, json: canonical.text.slice(0, LONGEST_JSON).toWellFormed() });
  }
  return disclosed;
}

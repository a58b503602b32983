import { formatMistakes, type PolicyChange, type PolicySource, watchPolicy } from '@idemtrace/detector/policy';
import { EMPTY_POLICY, PolicyLookup } from '@idemtrace/schemas';
import { CommandError } from '../output/command-error.ts';

/** The policy of a file, followed as it changes; without a file the empty one, under which nothing is declared. */
export function openPolicy(path: string | undefined, onChange?: (change: PolicyChange) => void): PolicySource {
  if (path === undefined) {
    const lookup = new PolicyLookup(EMPTY_POLICY);
    return { current: () => lookup, poll: () => {} };
  }
  const watched = readable(path, () => watchPolicy(path, { clock: Date.now, ...(onChange !== undefined && { onChange }) }));
  if (!watched.ok) throw new CommandError('invalid_policy', formatMistakes(path, watched.text, watched.mistakes));
  return watched.source;
}

function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError('invalid_policy', `The policy ${path} cannot be read: ${reason}`, { cause: error });
  }
}

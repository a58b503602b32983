import { isAbsolute, join } from 'node:path';
import { explainIssues, nearestWord } from '@idemtrace/detector/policy';
import type { z } from 'zod';
import { assemble } from './assemble.ts';
import { type ConfigFile, readConfigFile } from './file.ts';
import { LEAVES, type Leaf, RESERVED_VARIABLES } from './leaves.ts';
import type { Config } from './schema.ts';

export interface ConfigInput {
  /** The file, where there is one. */
  readonly file?: ConfigFile;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values of the command line by the setting's path, e.g. `{ dataDir: './data' }`. */
  readonly flags?: Readonly<Record<string, string | number | undefined>>;
  /** Relative paths of environment and command line start here; those of the file at the file's folder. */
  readonly cwd: string;
  /** Reads the file that a `…_FILE` variable names; throws where it cannot. */
  readonly readFile: (path: string) => string;
}

/** Where a value comes from: `default`, `idemtrace.yaml:3:1`, the variable's name or the flag's. */
export type Origins = Readonly<Record<string, string>>;

export interface ConfigMistake {
  /** `idemtrace.yaml:3:1`, the variable's name, or the flag. */
  readonly origin: string;
  /** The setting; undefined where it is none. */
  readonly path?: string;
  /** What is wrong, without the value. */
  readonly message: string;
  /** What to do. */
  readonly hint?: string;
}

export type ResolvedConfig =
  | { readonly ok: true; readonly config: Config; readonly origins: Origins; readonly notes: readonly string[] }
  | { readonly ok: false; readonly mistakes: readonly ConfigMistake[] };

/** A value before it is read, and where it was found. */
interface Given {
  readonly value: unknown;
  readonly origin: string;
  readonly base: string;
}

/**
 * The configuration of file, environment and command line, resolved once: the command line over the environment over the file over the
 * defaults. Mistakes are listed at once, the hundred first ones, also of values that another source overrides. An empty variable counts as not set.
 */
export function resolveConfig(input: ConfigInput): ResolvedConfig {
  const mistakes: ConfigMistake[] = [];
  const file = readConfigFile(input.file, mistakes);
  const environment = readEnvironment(input, mistakes);
  const flags = readFlags(input, mistakes);
  const values = new Map<string, unknown>();
  const origins: Record<string, string> = {};
  for (const leaf of LEAVES) {
    const fallback: Given | undefined =
      leaf.fallback === undefined ? undefined : { value: leaf.fallback, origin: 'default', base: input.cwd };
    for (const given of [fallback, file.get(leaf.path), environment.get(leaf.path), flags.get(leaf.path)]) {
      if (given === undefined) continue;
      const read = readLeaf(leaf, given, mistakes);
      if (read === undefined) continue;
      values.set(leaf.path, read.value);
      origins[leaf.path] = given.origin;
    }
  }
  const assembled = assemble(values, origins, mistakes);
  if (assembled === undefined || mistakes.length > 0) return { ok: false, mistakes: listed(mistakes) };
  return { ok: true, config: assembled.config, origins: Object.freeze(origins), notes: assembled.notes };
}

/** Most mistakes that are told: a file of nothing else has ten thousands. */
const LISTED = 100;

function listed(mistakes: readonly ConfigMistake[]): readonly ConfigMistake[] {
  const more = mistakes.slice(LISTED);
  const [next] = more;
  return next === undefined
    ? mistakes
    : [...mistakes.slice(0, LISTED), { origin: next.origin, message: `and ${more.length} more mistakes` }];
}

function readLeaf(leaf: Leaf, given: Given, mistakes: ConfigMistake[]): { value: unknown } | undefined {
  const parsed = leaf.schema.safeParse(given.value, { reportInput: true });
  if (!parsed.success) {
    for (const { message, hint } of explainIssues(leaf.schema, parsed.error.issues as z.core.$ZodIssue[], () => false)) {
      mistakes.push({ origin: given.origin, path: leaf.path, message, ...(hint !== undefined && { hint }) });
    }
    return undefined;
  }
  const relative = leaf.meta.path === true && typeof parsed.data === 'string' && !isAbsolute(parsed.data);
  return { value: relative ? join(given.base, String(parsed.data)) : parsed.data };
}

function readEnvironment(input: ConfigInput, mistakes: ConfigMistake[]): Map<string, Given> {
  const byVariable = new Map(LEAVES.map((leaf) => [leaf.variable, leaf]));
  const byFileVariable = new Map(LEAVES.filter((leaf) => leaf.meta.secret).map((leaf) => [`${leaf.variable}_FILE`, leaf]));
  const known = [...byVariable.keys(), ...byFileVariable.keys(), ...Object.keys(RESERVED_VARIABLES)];
  const found = new Map<string, Given>();
  for (const [variable, value] of Object.entries(input.env).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!variable.startsWith('IDEMTRACE_') || value === undefined || value === '' || variable in RESERVED_VARIABLES) continue;
    const leaf = byVariable.get(variable) ?? byFileVariable.get(variable);
    if (leaf === undefined) {
      const meant = nearestWord(variable, known);
      const hint = meant === undefined ? 'unset it; `idemtrace config print` lists the settings' : `did you mean ${meant}?`;
      mistakes.push({ origin: variable, message: 'is no setting', hint });
    } else if (variable === leaf.variable) {
      found.set(leaf.path, { value, origin: variable, base: input.cwd });
    } else if ((input.env[leaf.variable] ?? '') !== '') {
      mistakes.push({ origin: variable, path: leaf.path, message: `is set beside ${leaf.variable}`, hint: 'unset one of the two' });
    } else {
      const content = readSecretFile(isAbsolute(value) ? value : join(input.cwd, value), input);
      if (content === undefined) {
        mistakes.push({
          origin: variable,
          path: leaf.path,
          message: 'names a file that cannot be read',
          hint: 'check the path and its permissions',
        });
      } else found.set(leaf.path, { value: content, origin: variable, base: input.cwd });
    }
  }
  return found;
}

/** A secret's file, without the line's end that editors add. */
function readSecretFile(path: string, input: ConfigInput): string | undefined {
  try {
    return input.readFile(path).replace(/\r?\n$/, '');
  } catch {
    return undefined;
  }
}

function readFlags(input: ConfigInput, mistakes: ConfigMistake[]): Map<string, Given> {
  const found = new Map<string, Given>();
  for (const [path, value] of Object.entries(input.flags ?? {})) {
    if (value === undefined) continue;
    const origin = `--${path.replace(/\.?([A-Z])|\./g, (_, capital: string | undefined) => `-${(capital ?? '').toLowerCase()}`)}`;
    if (LEAVES.some((leaf) => leaf.path === path)) found.set(path, { value, origin, base: input.cwd });
    else mistakes.push({ origin, message: 'is no setting' });
  }
  return found;
}

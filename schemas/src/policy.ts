/**
 * The compiled policy: what `idemtrace policy compile` writes as JSON, what the emitter resolves tools with and what the detector judges by.
 * The document that people write is YAML; its reader, which lists every mistake with its line, is the detector's.
 */
import type { EffectClass, EffectScope, Rule } from './generated/types.ts';

export type DeclaredEffectClass = Exclude<EffectClass, 'unspecified'>;
export type DeclaredEffectScope = Exclude<EffectScope, 'unspecified'>;
export type RuleName = Exclude<Rule, 'unspecified'>;

/** Rules for the tools whose names match. */
export interface ToolPolicy {
  /** The glob as the person wrote it: `*` stands for any characters, `?` for one. */
  readonly match: string;
  readonly effect?: DeclaredEffectClass;
  /** What the effect is called; tools that do the same share one. Default: the tool's name. */
  readonly effectName?: string;
  /** Paths of the input that identify the business effect, e.g. `invoice_id` or `order.id`. */
  readonly effectKey?: { readonly paths: readonly string[]; readonly scope: DeclaredEffectScope };
  /** Paths of the input left out of its hash: nonces, time stamps. `items[].nonce` reaches into lists. */
  readonly volatile?: readonly string[];
  /** Paths that may leave the agent in clear. `*` stands for all. */
  readonly disclose?: { readonly input?: readonly string[]; readonly result?: readonly string[] };
  /** The tool is asked again and again until a state is reached: let off by `execution_loop` up to `max`. */
  readonly poll?: { readonly max: number; readonly minIntervalMs?: number };
  /** Milliseconds until an execution without outcome is in doubt. */
  readonly deadlineMs?: number;
}

/** Rules for the data sources whose names match. */
export interface DataSourcePolicy {
  readonly match: string;
  /** Documents without a tenant are expected here: `untagged_document` is silent. */
  readonly untagged?: 'allow';
  /** Paths of the query that may leave the agent in clear. `*` stands for all. */
  readonly disclose?: { readonly query?: readonly string[] };
}

export interface CompiledPolicy {
  /** Version of this format. */
  readonly format: 1;
  /** Version of the policy, as its author counts. Travels with every event and alert. */
  readonly version: string;
  /** Class of every tool that no entry classifies: a declaration too. */
  readonly defaultEffect?: DeclaredEffectClass;
  /** The first entry that matches a tool's name holds, whole. */
  readonly tools: readonly ToolPolicy[];
  readonly dataSources: readonly DataSourcePolicy[];
  /** Tenants whose documents everyone may read. */
  readonly sharedTenants: readonly string[];
  /** Rules that are switched off. */
  readonly disabledRules: readonly RuleName[];
  /** `execution_loop`: how many executions with the same answer make a loop. */
  readonly loopThreshold: number;
  /** Default deadline of an execution, in milliseconds. */
  readonly deadlineMs: number;
}

/** What holds where nobody wrote a policy: nothing is declared, so classes come from code or are inferred. */
export const EMPTY_POLICY: CompiledPolicy = Object.freeze({
  format: 1,
  version: 'none',
  tools: [],
  dataSources: [],
  sharedTenants: [],
  disabledRules: [],
  loopThreshold: 5,
  deadlineMs: 300_000,
});

/**
 * Whether a glob is a whole name: `*` stands for any characters, `?` for one. At a mismatch only the last star gives way, so the work is at most
 * the product of the lengths: a regular expression made of stars would try every way to share the name among them.
 */
export function matchesGlob(glob: string, name: string): boolean {
  const pattern = [...glob];
  const text = [...name];
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let i = 0; i < text.length; ) {
    if (pattern[at] === '*') {
      star = at++;
      resume = i;
    } else if (pattern[at] === '?' || pattern[at] === text[i]) {
      at++;
      i++;
    } else if (star < 0) return false;
    else {
      at = star + 1;
      i = ++resume;
    }
  }
  return pattern.slice(at).every((rest) => rest === '*');
}

/** Looks names up in a policy's entries; each name is resolved once. */
export class PolicyLookup {
  readonly policy: CompiledPolicy;
  readonly #toolCache = new Map<string, ToolPolicy | undefined>();
  readonly #dataSourceCache = new Map<string, DataSourcePolicy | undefined>();

  constructor(policy: CompiledPolicy) {
    this.policy = policy;
  }

  tool(name: string): ToolPolicy | undefined {
    return resolve(name, this.policy.tools, this.#toolCache);
  }

  dataSource(name: string): DataSourcePolicy | undefined {
    return resolve(name, this.policy.dataSources, this.#dataSourceCache);
  }

  /** The class that the policy declares for a tool; undefined where it says nothing. */
  effectOf(tool: string): DeclaredEffectClass | undefined {
    return this.tool(tool)?.effect ?? this.policy.defaultEffect;
  }
}

/** Most names remembered: a flood of made-up names must not grow the memory without bound. */
const CACHED_NAMES = 4096;

function resolve<T extends { readonly match: string }>(
  name: string,
  entries: readonly T[],
  cache: Map<string, T | undefined>,
): T | undefined {
  if (cache.has(name)) return cache.get(name);
  const found = entries.find(({ match }) => matchesGlob(match, name));
  if (cache.size >= CACHED_NAMES) cache.clear();
  cache.set(name, found);
  return found;
}

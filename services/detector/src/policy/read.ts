import { type CompiledPolicy, EMPTY_POLICY, type ToolPolicy } from '@idemtrace/schemas';
import { readDocument } from './document.ts';
import { explainIssues } from './explain.ts';
import { listMistakes, type Mistake } from './mistake.ts';
import { notesOf, type PolicyNote } from './notes.ts';
import { type PolicyDocument, policyDocument, RULE_NAMES } from './schema.ts';

export type PolicyMistake = Mistake;

export type ReadPolicy =
  | { readonly ok: true; readonly policy: CompiledPolicy; readonly notes: readonly PolicyNote[] }
  | { readonly ok: false; readonly mistakes: readonly PolicyMistake[] };

/**
 * Reads a policy document (YAML 1.2). Mistakes are listed with their lines, in the order of the document, the hundred first ones; where the YAML
 * itself is broken, only what is broken about it. Never throws; its work is bounded (see `readDocument`). `formatMistakes` renders the mistakes.
 */
export function readPolicy(text: string): ReadPolicy {
  const { document, mistakes } = readDocument(text, { ordered: ['tools', 'dataSources'], verbatim: ['version'] });
  if (document === undefined) return { ok: false, mistakes: listMistakes(mistakes) };
  if (document.value === null) {
    return { ok: false, mistakes: [{ line: 1, column: 1, path: '', message: 'the policy is empty', hint: 'start with `version: 1`' }] };
  }
  const parsed = policyDocument.safeParse(document.value, { reportInput: true });
  if (!parsed.success) {
    for (const { path, about, message, hint } of explainIssues(policyDocument, parsed.error.issues, () => true)) {
      mistakes.push({ ...document.place(path, about), path: document.name(path), message, ...(hint !== undefined && { hint }) });
    }
  }
  if (!parsed.success || mistakes.length > 0) return { ok: false, mistakes: listMistakes(mistakes) };
  const policy = compile(parsed.data);
  return { ok: true, policy, notes: notesOf(policy, document) };
}

function compile(document: PolicyDocument): CompiledPolicy {
  const rules = document.rules ?? {};
  return compact({
    format: 1 as const,
    version: document.version,
    defaultEffect: document.defaultEffect,
    tools: (document.tools ?? []).map(([match, entry]) => toolOf(match, entry)),
    dataSources: (document.dataSources ?? []).map(([match, entry]) =>
      compact({ match, untagged: entry.untagged, disclose: entry.disclose && compact(entry.disclose) }),
    ),
    sharedTenants: [...new Set(document.sharedTenants)],
    disabledRules: RULE_NAMES.filter((name) => rules[name]?.enabled === false),
    loopThreshold: rules.execution_loop?.threshold ?? EMPTY_POLICY.loopThreshold,
    deadlineMs: document.deadline ?? EMPTY_POLICY.deadlineMs,
  });
}

type DocumentTool = NonNullable<PolicyDocument['tools']>[number][1];

function toolOf(match: string, entry: DocumentTool): ToolPolicy {
  const { effect, effectName, effectKey, volatile, disclose, poll, deadline } = entry;
  return compact({
    match,
    effect,
    effectName,
    effectKey: effectKey && { paths: effectKey.paths, scope: effectKey.scope ?? 'workflow' },
    volatile,
    disclose: disclose && compact(disclose),
    poll: poll && compact({ max: poll.max, minIntervalMs: poll.minInterval }),
    deadlineMs: deadline,
  });
}

type Compact<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Leaves out what is undefined. */
export function compact<T extends object>(value: T): Compact<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Compact<T>;
}

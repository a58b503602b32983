/**
 * A count of `duplicate_execution` and `foreign_document` that shares no code with the detector: every call is compared with every earlier
 * one of its workflow. What the detector says must add up to this.
 *
 * usage: brute-force.ts CALLS.ndjson POLICY.yaml     prints one JSON object: { toolCalls, retrievals, distinct, alerts: { RULE: { CLASS: { SEVERITY: n } } } }
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

interface Line {
  readonly kind: 'tool_call' | 'retrieval';
  readonly tenantId: string;
  readonly workflowId: string;
  readonly tool: string;
  readonly arguments: unknown;
  readonly status: 'succeeded' | 'failed' | 'unknown';
  readonly occurrence?: string;
  readonly approvalId?: string;
  readonly effect?: string;
  readonly documents: readonly { readonly id: string; readonly tenantId?: string }[];
}

interface Policy {
  readonly defaultEffect?: string;
  readonly tools?: Readonly<
    Record<string, { readonly effect?: string; readonly effectName?: string; readonly volatile?: readonly string[] }>
  >;
  readonly sharedTenants?: readonly string[];
}

export interface BruteForceCount {
  readonly toolCalls: number;
  readonly retrievals: number;
  readonly distinct: number;
  /** rule → effect class → severity → how many. */
  readonly alerts: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}

function globMatches(glob: string, name: string): boolean {
  if (glob === '') return name === '';
  if (glob.startsWith('*')) return globMatches(glob.slice(1), name) || (name !== '' && globMatches(glob, name.slice(1)));
  return name !== '' && (glob.startsWith('?') || glob[0] === name[0]) && globMatches(glob.slice(1), name.slice(1));
}

export function bruteForce(text: string, policyText: string): BruteForceCount {
  const policy = parse(policyText) as Policy;
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Line);
  const entryOf = (tool: string) => Object.entries(policy.tools ?? {}).find(([glob]) => globMatches(glob, tool))?.[1];
  const alerts: Record<string, Record<string, Record<string, number>>> = {};
  const add = (rule: string, effect: string, severity: string) => {
    alerts[rule] ??= {};
    const byClass = alerts[rule];
    byClass[effect] ??= {};
    const bySeverity = byClass[effect];
    bySeverity[severity] = (bySeverity[severity] ?? 0) + 1;
  };

  const seen = new Map<string, Line[]>();
  let toolCalls = 0;
  let retrievals = 0;
  for (const line of lines) {
    if (line.kind === 'retrieval') {
      retrievals += 1;
      const foreign = line.documents.filter(
        (d) => d.tenantId !== undefined && d.tenantId !== line.tenantId && !policy.sharedTenants?.includes(d.tenantId),
      );
      for (const _ of new Set(foreign.map((d) => d.id))) add('foreign_document', 'retrieval', 'critical');
      continue;
    }
    toolCalls += 1;
    const entry = entryOf(line.tool);
    const effect = entry?.effect ?? policy.defaultEffect ?? line.effect ?? 'write';
    const input = { ...(line.arguments as object) } as Record<string, unknown>;
    for (const path of entry?.volatile ?? []) delete input[path];
    const key = JSON.stringify([
      line.tenantId,
      line.workflowId,
      entry?.effectName ?? line.tool,
      line.occurrence ?? null,
      sorted(Array.isArray(line.arguments) ? line.arguments : input),
    ]);
    const earlier = seen.get(key) ?? [];
    seen.set(key, [...earlier, line]);
    const isApproved = line.approvalId !== undefined && !earlier.some((other) => other.approvalId === line.approvalId);
    if (earlier.length === 0 || isApproved || effect === 'delegate') continue;
    const hadEffect = earlier.some((other) => other.status !== 'failed');
    const severity = { read: 'info', idempotent_write: 'warning', write: 'critical' }[effect] ?? 'critical';
    add('duplicate_execution', effect, line.status === 'failed' || !hadEffect ? 'info' : severity);
  }
  return { toolCalls, retrievals, distinct: seen.size, alerts };
}

if (process.argv[1] === import.meta.filename) {
  const [calls, policy] = process.argv.slice(2);
  if (calls === undefined || policy === undefined) {
    console.error('usage: brute-force.ts CALLS.ndjson POLICY.yaml');
    process.exitCode = 2;
  } else console.log(JSON.stringify(bruteForce(readFileSync(calls, 'utf8'), readFileSync(policy, 'utf8'))));
}

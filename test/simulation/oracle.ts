/**
 * What must come of a log, by brute force and without a line of the detector's: every record is looked at with everything before it. It holds
 * the rules as the documentation tells them, for events under one hash key.
 */
import type { ToolCallEvent } from '@idemtrace/schemas';
import { identityOf, type SimulatedEvent } from './scenario.ts';

export type LogEntry =
  | {
      readonly kind: 'event';
      readonly partition: number;
      readonly offset: number;
      readonly logTime: number;
      readonly event: SimulatedEvent;
      readonly variant: number;
    }
  | { readonly kind: 'poison'; readonly partition: number; readonly offset: number; readonly logTime: number };

export interface OraclePolicy {
  readonly effects: Readonly<Record<string, string>>;
  readonly sharedTenants: readonly string[];
  readonly loopThreshold: number;
  readonly deadlineMs: number;
}

export interface Expected {
  /** `rule trigger subject revision severity cause`, sorted. */
  readonly alerts: readonly string[];
  /** `partition/offset`, or with `conflict` before it. */
  readonly deadLetters: readonly string[];
}

type Entry = Extract<LogEntry, { kind: 'event' }>;

interface Seen {
  readonly call: ToolCallEvent;
  readonly first: Entry;
  readonly state: ToolCallEvent['phase'];
  readonly stateAt: number;
}

/** @param policyAt the policy under which a position was judged */
export function expectedOf(
  log: readonly LogEntry[],
  windowMs: number,
  policyAt: (partition: number, offset: number) => OraclePolicy,
): Expected {
  const alerts: string[] = [];
  const deadLetters: string[] = [];
  const kept: Entry[] = [];
  for (const entry of log) {
    if (entry.kind === 'poison') {
      deadLetters.push(`${entry.partition}/${entry.offset}`);
      continue;
    }
    const id = identityOf(entry.event);
    const holder = kept.findLast((other) => identityOf(other.event) === id);
    if (holder !== undefined && entry.logTime - holder.logTime <= windowMs) {
      if (holder.variant !== entry.variant) deadLetters.push(`conflict ${entry.partition}/${entry.offset}`);
      continue;
    }
    kept.push(entry);
    const policy = policyAt(entry.partition, entry.offset);
    const { workflowId } = entry.event.value;
    const visible = kept.filter(
      (other) => other.event.value.workflowId === workflowId && entry.logTime - other.logTime <= windowMs && entry.logTime >= other.logTime,
    );
    for (const alert of alertsOf(entry, visible, policy)) alerts.push(alert);
  }
  return { alerts: alerts.sort(), deadLetters: deadLetters.sort() };
}

function alertsOf(entry: Entry, visible: readonly Entry[], policy: OraclePolicy): readonly string[] {
  const { event, offset } = entry;
  const told = (rule: string, trigger: string, subject: string, severity: string, cause: string | null) =>
    `${rule} ${trigger} ${subject} ${offset} ${severity} ${cause}`;
  if (event.name === 'RunEvent') return [];
  if (event.name === 'RetrievalEvent') {
    const { documents, tenantId, retrievalId, dataSource } = event.value;
    const foreign = documents.filter((d) => d.tenantId !== null && d.tenantId !== tenantId && !policy.sharedTenants.includes(d.tenantId));
    const found = [...new Set(foreign.map(({ id }) => id))].map((id) => told('foreign_document', retrievalId, id, 'critical', null));
    const untagged = (other: Entry) =>
      other.event.name === 'RetrievalEvent' &&
      other.event.value.dataSource === dataSource &&
      other.event.value.documents.some((d) => d.tenantId === null);
    if (untagged(entry) && !visible.some((other) => other !== entry && untagged(other))) {
      found.push(told('untagged_document', retrievalId, dataSource, 'warning', null));
    }
    return found;
  }
  const before = executions(visible.filter((other) => other !== entry));
  const after = executions(visible);
  const found: string[] = [];
  const own = [...after, ...before].find(({ call }) => call.executionId === event.value.executionId)?.first.offset ?? offset;
  for (const [rule, judge] of [
    ['duplicate_execution', duplicate],
    ['divergent_execution', divergent],
  ] as const) {
    for (const id of new Set([...before, ...after].map(({ call }) => call.executionId))) {
      const was = verdictOn(id, before, judge, policy);
      const is = verdictOn(id, after, judge, policy);
      const execution = after.find(({ call }) => call.executionId === id) ?? before.find(({ call }) => call.executionId === id);
      if (execution === undefined || execution.first.offset < own || !isOfKey(rule, execution.call, event.value)) continue;
      const subject = subjectOf(rule, execution.call);
      if (is !== undefined && (was?.severity !== is.severity || was.cause !== is.cause))
        found.push(told(rule, id, subject, is.severity, is.cause));
      else if (is === undefined && was !== undefined && was.severity !== 'info') found.push(told(rule, id, subject, 'info', was.cause));
    }
  }
  const looping = loop(entry, event.value, visible, policy);
  if (looping !== undefined) found.push(told('execution_loop', looping.trigger, looping.subject, 'warning', null));
  const isInferred = event.value.effectClassSource === 'inferred' && policy.effects[event.value.tool] === undefined;
  const isFirst = !visible.some(
    (other) => other !== entry && other.event.name === 'ToolCallEvent' && other.event.value.tool === event.value.tool,
  );
  if (isInferred && isFirst) found.push(told('unclassified_tool', event.value.executionId, event.value.tool, 'info', null));
  return found;
}

const digestOf = (pairs: readonly { readonly hashKeyId: string; readonly digest: string }[]): string | undefined =>
  pairs[0] === undefined ? undefined : `${pairs[0].hashKeyId}:${pairs[0].digest}`;
const inputOf = (call: ToolCallEvent) => digestOf(call.inputHashes) ?? '';
const keyOf = (call: ToolCallEvent) => (call.effectKey === null ? undefined : digestOf(call.effectKey.digests));

function subjectOf(rule: string, call: ToolCallEvent): string {
  return rule === 'duplicate_execution' ? inputOf(call) : (keyOf(call) ?? '');
}

function isOfKey(rule: string, call: ToolCallEvent, other: ToolCallEvent): boolean {
  if (call.effectName !== other.effectName) return false;
  return rule === 'duplicate_execution' ? inputOf(call) === inputOf(other) : keyOf(other) !== undefined && keyOf(call) === keyOf(other);
}

/** Every execution of the entries, by position: its first seen phase, and its latest outcome. */
function executions(entries: readonly Entry[]): readonly Seen[] {
  const byId = new Map<string, Seen>();
  for (const entry of entries) {
    if (entry.event.name !== 'ToolCallEvent') continue;
    const call = entry.event.value;
    const known = byId.get(call.executionId);
    if (known === undefined) byId.set(call.executionId, { call, first: entry, state: call.phase, stateAt: entry.offset });
    else if (call.phase !== 'started') byId.set(call.executionId, { ...known, state: call.phase, stateAt: entry.offset });
  }
  return [...byId.values()].filter(({ state }) => state !== 'replayed');
}

type Verdict = { readonly severity: string; readonly cause: string } | undefined;
type JudgeOne = (execution: Seen, earlier: readonly Seen[], policy: OraclePolicy) => Verdict;

function verdictOn(id: string, all: readonly Seen[], judge: JudgeOne, policy: OraclePolicy): Verdict {
  const execution = all.find(({ call }) => call.executionId === id);
  if (execution === undefined) return undefined;
  const earlier = all.filter(({ first }) => first.offset < execution.first.offset);
  return judge(execution, earlier, policy);
}

const hadEffect = ({ state }: Seen) => state !== 'failed' && state !== 'compensated';

function counted(execution: Seen, earlier: readonly Seen[]): readonly Seen[] {
  const approval = digestOf(execution.call.approvals);
  if (approval !== undefined && !earlier.some(({ call }) => digestOf(call.approvals) === approval)) return [];
  return earlier.filter(({ call }) => digestOf(call.occurrences) === digestOf(execution.call.occurrences));
}

function effectClassOf(call: ToolCallEvent, policy: OraclePolicy): { readonly effectClass: string; readonly isDeclared: boolean } {
  const declared = policy.effects[call.tool];
  return declared !== undefined
    ? { effectClass: declared, isDeclared: true }
    : { effectClass: call.effectClass, isDeclared: call.effectClassSource !== 'inferred' };
}

function limited(severity: string, isDeclared: boolean): string {
  return severity === 'critical' && !isDeclared ? 'warning' : severity;
}

const duplicate: JudgeOne = (execution, earlier, policy) => {
  const { effectClass, isDeclared } = effectClassOf(execution.call, policy);
  if (effectClass === 'delegate') return undefined;
  const same = counted(
    execution,
    earlier.filter(({ call }) => isOfKey('duplicate_execution', call, execution.call)),
  );
  const against = same.findLast(hadEffect) ?? same.at(-1);
  if (against === undefined) return undefined;
  const cause = causeOf(execution, against, policy);
  const isHarmless = cause === 'protected' || !hadEffect(execution) || !hadEffect(against) || effectClass === 'read';
  return { severity: limited(isHarmless ? 'info' : effectClass === 'write' ? 'critical' : 'warning', isDeclared), cause };
};

const divergent: JudgeOne = (execution, earlier, policy) => {
  const { effectClass, isDeclared } = effectClassOf(execution.call, policy);
  if (effectClass !== 'write' && effectClass !== 'idempotent_write') return undefined;
  if (keyOf(execution.call) === undefined) return undefined;
  const sameKey = counted(
    execution,
    earlier.filter(({ call }) => isOfKey('divergent_execution', call, execution.call)),
  );
  if (sameKey.some((other) => hadEffect(other) && inputOf(other.call) === inputOf(execution.call))) return undefined;
  const against = sameKey.findLast(
    (other) => hadEffect(other) && inputOf(other.call) !== inputOf(execution.call) && isEarlierRun(other.call, execution.call),
  );
  if (against === undefined) return undefined;
  const cause = causeOf(execution, against, policy);
  const isHarmless = cause === 'protected' || !hadEffect(execution);
  return { severity: limited(isHarmless ? 'info' : effectClass === 'write' ? 'critical' : 'warning', isDeclared), cause };
};

function isEarlierRun(other: ToolCallEvent, call: ToolCallEvent): boolean {
  const isFamily =
    other.runId === call.runId ||
    other.runId === call.parentRunId ||
    other.parentRunId === call.runId ||
    (call.parentRunId !== null && call.parentRunId === other.parentRunId);
  return !isFamily;
}

function causeOf(execution: Seen, against: Seen, policy: OraclePolicy): string {
  const [here, there] = [execution.call, against.call];
  const downstream = digestOf(here.downstreamKeys);
  if (downstream !== undefined && downstream === digestOf(there.downstreamKeys)) return 'protected';
  if (here.runId === there.runId && here.toolCallId !== null && here.toolCallId === there.toolCallId) return 'same_call';
  const isOpen = against.state === 'started';
  const deadline = there.deadlineMs ?? policy.deadlineMs;
  const wasInFlight = isOpen ? execution.first.logTime - against.first.logTime <= deadline : against.stateAt > execution.first.offset;
  if (wasInFlight) return 'concurrent';
  if (here.runId === there.runId) return hadEffect(against) ? 'model_repeat' : 'in_run_retry';
  const samePlan = digestOf(here.precedingCalls) !== undefined && digestOf(here.precedingCalls) === digestOf(there.precedingCalls);
  return here.stepIndex === there.stepIndex || samePlan ? 'run_retry' : 'replan';
}

function loop(
  entry: Entry,
  call: ToolCallEvent,
  visible: readonly Entry[],
  policy: OraclePolicy,
): { readonly trigger: string; readonly subject: string } | undefined {
  const result = digestOf(call.resultHashes);
  if (call.phase !== 'succeeded' || result === undefined) return undefined;
  const inRun = visible.filter(({ event }) => event.name === 'ToolCallEvent' && event.value.runId === call.runId);
  const same = executions(
    visible.filter(({ event }) => event.name === 'ToolCallEvent' && isOfKey('duplicate_execution', event.value, call)),
  ).filter((execution) => execution.call.runId === call.runId);
  // Latest outcome of each execution, by position, from the end back to what breaks the chain.
  const outcomes = same.filter(({ state }) => state !== 'started').sort((a, b) => a.stateAt - b.stateAt);
  const last = outcomes.at(-1);
  if (last === undefined) return undefined;
  const resultAt = (offset: number) => {
    const found = visible.find((other) => other.offset === offset && other.partition === entry.partition);
    return found?.event.name === 'ToolCallEvent' ? digestOf(found.event.value.resultHashes) : undefined;
  };
  const lastResult = resultAt(last.stateAt);
  if (lastResult === undefined) return undefined;
  const others = inRun.filter(
    ({ event, offset }) =>
      event.name === 'ToolCallEvent' &&
      event.value.phase === 'succeeded' &&
      !isOfKey('duplicate_execution', event.value, call) &&
      offset < last.stateAt,
  );
  const broken = Math.max(-1, ...others.map(({ offset }) => offset));
  const chain: Seen[] = [];
  for (const outcome of outcomes.toReversed()) {
    if (outcome.stateAt < broken || resultAt(outcome.stateAt) !== lastResult) break;
    chain.push(outcome);
  }
  const ratio = chain.length / policy.loopThreshold;
  if (ratio < 1 || !Number.isInteger(Math.log2(ratio))) return undefined;
  const trigger = chain.toSorted((a, b) => a.first.offset - b.first.offset)[policy.loopThreshold - 1];
  return trigger === undefined ? undefined : { trigger: trigger.call.executionId, subject: inputOf(trigger.call) };
}

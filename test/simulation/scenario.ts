/** What agents do in a simulated run: events, redeliveries, conflicts and records that are none, all from the seed. */
import { hash } from 'node:crypto';
import type { RetrievalEvent, RunEvent, ToolCallEvent } from '@idemtrace/schemas';
import type { Random } from './random.ts';

export type SimulatedEvent =
  | { readonly name: 'ToolCallEvent'; readonly value: ToolCallEvent }
  | { readonly name: 'RetrievalEvent'; readonly value: RetrievalEvent }
  | { readonly name: 'RunEvent'; readonly value: RunEvent };

/** What is appended: an event in one of its deliveries, or bytes that are none. */
export type Delivery =
  | {
      readonly kind: 'event';
      readonly event: SimulatedEvent;
      /** Another variant of one identity says something else: a conflict. */
      readonly variant: number;
      /** ms of log time since the record before. */
      readonly later: number;
      /** Every window is lost just before it, when all that came before is judged. */
      readonly lost?: true;
    }
  | { readonly kind: 'poison'; readonly bytes: Buffer; readonly workflow: number; readonly later: number };

export const WINDOW_MS = 10_000;
/** A delivery that comes again does so within this of the first, ms: an eighth of the window. */
export const REDELIVERY_MS = WINDOW_MS / 8;
export const TENANT = 'acme';

const START = 1_760_000_000_000;
const TOOLS = ['charge', 'upsert', 'lookup', 'mystery', 'plan'] as const;
const PHASES = ['succeeded', 'failed', 'unknown'] as const;

const digest = (text: string) => hash('sha256', text, 'base64url');
const keyed = (text: string) => [{ hashKeyId: 'k1', digest: digest(text) }];

export function uuidOf(name: string): string {
  const hex = hash('sha256', name, 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export function workflowName(n: number): string {
  return `workflow-${n}`;
}

function common(workflow: number, run: string, attempt: number, parentRunId: string | null) {
  return {
    tenantId: TENANT,
    workflowId: workflowName(workflow),
    runId: run,
    attempt,
    parentRunId,
    conversationId: null,
    agentId: null,
    agentVersion: null,
    occurredAt: START,
    emitterId: uuidOf('emitter'),
    sequence: 0,
    policyVersion: null,
    traceId: null,
  };
}

/** Runs of a few workflows, interleaved; calls that repeat, diverge, loop, fail, stay open; retrievals; a second delivery here and there. */
export function scenario(
  random: Random,
  { workflows, steps }: { readonly workflows: number; readonly steps: number },
): readonly Delivery[] {
  const sequences = Array.from({ length: workflows }, (_, workflow) => workflowOf(random, workflow, steps));
  const deliveries: Delivery[] = [];
  const later = () => {
    if (!random.chance(0.05)) return random.below(400);
    // What lies just about a window apart is where windows go wrong.
    return random.chance(0.3) ? WINDOW_MS - random.below(2 * REDELIVERY_MS) : random.below(WINDOW_MS * 1.3);
  };
  const soon = () => random.below(REDELIVERY_MS / 10);
  // Of the last redelivery, ms after its first delivery; undefined once another event came.
  let apart: number | undefined;
  while (sequences.some((sequence) => sequence.length > 0)) {
    const sequence = random.pick(sequences.filter(({ length }) => length > 0));
    const event = sequence.shift();
    if (event === undefined) continue;
    if (apart !== undefined && apart > 0 && random.chance(0.3)) {
      // The first delivery has just left the window, the second has not: a window that is rebuilt now must not take it for the first.
      deliveries.push({ kind: 'event', event, variant: 0, later: WINDOW_MS - random.below(apart), lost: true });
    } else deliveries.push({ kind: 'event', event, variant: 0, later: later() });
    apart = undefined;
    // No identity comes a third time, and the second comes soon: what is not promised of redeliveries is not tried (see PROTOCOL.md).
    if (random.chance(0.06)) {
      apart = soon();
      deliveries.push({ kind: 'event', event: redelivered(event, random), variant: 0, later: apart });
    } else if (random.chance(0.03)) deliveries.push({ kind: 'event', event: conflicting(event), variant: 1, later: soon() });
    if (random.chance(0.04)) deliveries.push({ kind: 'poison', bytes: poison(random), workflow: random.below(workflows), later: later() });
  }
  // Redeliveries come late, too.
  return deliveries.length < 4 || !random.chance(0.5) ? deliveries : shiftedRedeliveries(deliveries, random);
}

function shiftedRedeliveries(deliveries: readonly Delivery[], random: Random): readonly Delivery[] {
  const seen = new Set<string>();
  const first: Delivery[] = [];
  const again: Delivery[] = [];
  for (const delivery of deliveries) {
    const id = delivery.kind === 'event' ? identityOf(delivery.event) : undefined;
    (id !== undefined && seen.has(id) ? again : first).push(delivery);
    if (id !== undefined) seen.add(id);
  }
  for (const delivery of again) {
    const at = first.findIndex(
      (other) => other.kind === 'event' && delivery.kind === 'event' && identityOf(other.event) === identityOf(delivery.event),
    );
    let to = at + 1;
    let age = REDELIVERY_MS / 2;
    while (to < first.length && age > (first[to]?.later ?? 0) && random.chance(0.8)) {
      age -= first[to]?.later ?? 0;
      to += 1;
    }
    first.splice(to, 0, delivery);
  }
  return first;
}

/** Of an event within its workflow. */
export function identityOf({ name, value }: SimulatedEvent): string {
  switch (name) {
    case 'ToolCallEvent':
      return `${value.workflowId} ${value.executionId} ${value.phase}`;
    case 'RetrievalEvent':
      return `${value.workflowId} ${value.retrievalId}`;
    case 'RunEvent':
      return `${value.workflowId} ${value.runId} ${value.incarnation} ${value.phase}`;
  }
}

function redelivered(event: SimulatedEvent, random: Random): SimulatedEvent {
  return { ...event, value: { ...event.value, sequence: random.below(1000), occurredAt: START + random.below(1000) } } as SimulatedEvent;
}

function conflicting(event: SimulatedEvent): SimulatedEvent {
  return { ...event, value: { ...event.value, agentVersion: 'another' } } as SimulatedEvent;
}

function poison(random: Random): Buffer {
  switch (random.below(4)) {
    case 0:
      return Buffer.alloc(0);
    case 1:
      return Buffer.from([1, 0, 0, 0, 1, 2, 3]);
    case 2:
      return Buffer.from([0, 255, 255, 255, 255, 1]);
    default:
      return Buffer.from([0, 0, 0, 0, 1 + random.below(3), 255, 255, 255, 255, 255, 255, 255]);
  }
}

function workflowOf(random: Random, workflow: number, steps: number): SimulatedEvent[] {
  const events: SimulatedEvent[] = [];
  const open: SimulatedEvent[] = [];
  const runs = 1 + random.below(3);
  let executions = 0;
  for (let n = 0; n < runs; n++) {
    const run = `run-${n}`;
    const parentRunId = n > 0 && random.chance(0.2) ? `run-${random.below(n)}` : null;
    const base = common(workflow, run, n + 1, parentRunId);
    events.push({ name: 'RunEvent', value: { ...base, incarnation: 0, phase: 'started', status: null } });
    const count = 1 + random.below(steps);
    for (let step = 0; step < count; step++) {
      if (random.chance(0.15)) {
        events.push(retrieval(random, { workflow, name: `${workflow} ${n} ${step}`, base, step }));
        continue;
      }
      const name = `${workflow} ${executions++}`;
      const call = callOf(random, name, base, step);
      events.push({ name: 'ToolCallEvent', value: { ...call, phase: 'started' } });
      if (random.chance(0.1)) continue;
      const settled = outcomeOf(random, call);
      if (random.chance(0.2)) open.push(settled);
      else events.push(settled);
      if (random.chance(0.05)) open.push({ name: 'ToolCallEvent', value: { ...call, phase: 'compensated', durationMs: 1 } });
      while (open.length > 0 && random.chance(0.4)) events.push(...open.splice(random.below(open.length), 1));
    }
    if (random.chance(0.7)) events.push({ name: 'RunEvent', value: { ...base, incarnation: 0, phase: 'ended', status: 'succeeded' } });
  }
  return [...events, ...open];
}

function callOf(random: Random, name: string, base: ReturnType<typeof common>, step: number): ToolCallEvent {
  const tool = random.pick(TOOLS);
  const input = `${tool} ${random.below(3)}`;
  const isKeyed = random.chance(0.7);
  return {
    ...base,
    stepIndex: step,
    toolCallId: random.chance(0.5) ? `call-${random.below(3)}` : null,
    executionId: uuidOf(`execution ${name}`),
    parentExecutionId: null,
    phase: 'started',
    tool,
    effectName: tool,
    effectClass: tool === 'lookup' ? 'read' : tool === 'upsert' ? 'idempotent_write' : tool === 'plan' ? 'delegate' : 'write',
    effectClassSource: tool === 'mystery' ? 'inferred' : 'code',
    inputHashes: keyed(input),
    unhashable: null,
    effectKey: isKeyed ? { digests: keyed(`${tool} key ${random.below(2)}`), scope: 'workflow', source: 'declared' } : null,
    occurrences: random.chance(0.1) ? keyed(`occurrence ${random.below(2)}`) : [],
    approvals: random.chance(0.1) ? keyed(`approval ${random.below(2)}`) : [],
    downstreamKeys: random.chance(0.15) ? keyed(`downstream ${input}`) : [],
    executionCount: 1,
    precedingCalls: [],
    leafHashKeyId: null,
    argumentDigests: [],
    argumentDigestsOmitted: 0,
    resultHashes: [],
    groundedOn: [],
    poll: null,
    deadlineMs: random.chance(0.2) ? 200 : null,
    durationMs: null,
    ledger: null,
    disclosed: [],
  };
}

function outcomeOf(random: Random, call: ToolCallEvent): SimulatedEvent {
  const phase = random.chance(0.6) ? 'succeeded' : random.pick(PHASES);
  return {
    name: 'ToolCallEvent',
    value: {
      ...call,
      phase,
      durationMs: 5,
      resultHashes: phase === 'succeeded' && random.chance(0.8) ? keyed(`result ${random.chance(0.8) ? 0 : 1}`) : [],
    },
  };
}

function retrieval(
  random: Random,
  {
    name,
    base,
    step,
  }: { readonly workflow: number; readonly name: string; readonly base: ReturnType<typeof common>; readonly step: number },
): SimulatedEvent {
  const tenants = [TENANT, TENANT, 'globex', 'public', null];
  const documents = Array.from({ length: random.below(4) }, () => {
    const tenantId = random.pick(tenants);
    return { id: `document-${random.below(3)}`, tenantId, score: null };
  });
  return {
    name: 'RetrievalEvent',
    value: {
      ...base,
      stepIndex: step,
      retrievalId: uuidOf(`retrieval ${name}`),
      executionId: null,
      toolCallId: null,
      dataSource: random.pick(['kb', 'mail']),
      queryHashes: [],
      documents,
      documentsOmitted: 0,
      durationMs: null,
      disclosed: [],
    },
  };
}

/** Events as instrumented agents emit them, made by the SDK's own builder, of many workflows interleaved. The same options give the same events. */
import { createEventBuilder, type EmittedEvent, type EventBuilder, type RunIdentity, RunTracker } from '@idemtrace/sdk/internal';
import { Random } from './random.ts';
import { benchPolicy, KNOWLEDGE_TOOL, TOOLS, type ToolSketch } from './tools.ts';

export interface EventsOptions {
  readonly events: number;
  /** Share of executions that repeat an earlier one of their workflow, same tool and same input. */
  readonly repeats: number;
  /** Spreads the events over so many workflows. Default: workflows as they come, of one to three runs of four to twelve calls. */
  readonly workflows?: number;
}

const SEED = 20_260_101;
const TENANTS = 20;
/** Workflows open at one time. */
const OPEN = 2_000;
const MOST_OPEN = 100_000;
const FIRST_TIME = 1_767_225_600_000;

interface World {
  readonly builder: EventBuilder;
  readonly random: Random;
  readonly repeats: number;
  /** Rises with each execution. */
  count: number;
  time: number;
}

export function* benchEvents({ events, repeats, workflows }: EventsOptions): Generator<EmittedEvent> {
  const random = new Random(SEED);
  const sequences = new Map<string, number>();
  const emitters = new Map<string, string>();
  const world: World = {
    random,
    repeats,
    count: 0,
    time: FIRST_TIME,
    builder: createEventBuilder({
      hashKey: { id: 'bench', secret: 'a secret of the bench, long enough to be one' },
      policy: benchPolicy,
      origin(tenantId) {
        const sequence = sequences.get(tenantId) ?? 0;
        sequences.set(tenantId, sequence + 1);
        const emitterId = emitters.get(tenantId) ?? random.uuid(FIRST_TIME);
        emitters.set(tenantId, emitterId);
        return { emitterId, sequence };
      },
    }),
  };
  const most = workflows ?? Number.POSITIVE_INFINITY;
  const budget = workflows === undefined ? Number.POSITIVE_INFINITY : Math.ceil(events / workflows);
  const slots = Math.min(workflows ?? OPEN, MOST_OPEN);
  const open: Generator<EmittedEvent>[] = [];
  let begun = 0;
  for (let made = 0; made < events; ) {
    if (open.length < slots && begun < most && (open.length === 0 || random.chance(0.5))) open.push(workflowEvents(world, begun++, budget));
    if (open.length === 0) return;
    const at = random.below(open.length);
    const next = open[at]?.next();
    if (next === undefined || next.done === true) {
      const last = open.pop();
      if (last !== undefined && at < open.length) open[at] = last;
      continue;
    }
    made += 1;
    world.time += random.below(3);
    yield next.value;
  }
}

interface Made {
  readonly tool: ToolSketch;
  readonly n: number;
  readonly input: unknown;
}

function* workflowEvents(world: World, index: number, budget: number): Generator<EmittedEvent> {
  const { random } = world;
  const calls: Made[] = [];
  const isNatural = budget === Number.POSITIVE_INFINITY;
  const runs = isNatural ? (random.chance(0.75) ? 1 : random.chance(0.8) ? 2 : 3) : budget;
  let left = budget;
  for (let attempt = 1; attempt <= runs && left > 0; attempt++) {
    const identity = {
      tenantId: `tenant-${index % TENANTS}`,
      workflowId: `invoice-run-${index.toString(36)}-2026`,
      runId: random.uuid(world.time),
      attempt,
      agentId: 'billing-agent',
      agentVersion: '1.4.2',
    };
    for (const event of runEvents(world, identity, calls, budget > 4)) {
      yield event;
      left -= 1;
      if (left === 0) return;
    }
  }
}

function* runEvents(world: World, identity: RunIdentity, calls: Made[], hasEnds: boolean): Generator<EmittedEvent> {
  const { builder, random } = world;
  const tracker = new RunTracker();
  const now = () => ({ occurredAt: world.time });
  if (hasEnds) yield builder.runEvent(identity, 'started', now());
  const steps = 4 + random.below(9);
  for (let stepIndex = 0; stepIndex < steps; stepIndex++) {
    const n = world.count++;
    const { tool, input, n: made } = nextCall(world, calls, n);
    const executionId = random.uuid(world.time);
    const toolCallId = `call_${n.toString(36).padStart(12, 'x')}`;
    const call = builder.prepareCall(identity, { tool: tool.name, input, stepIndex, executionId, toolCallId }, tracker);
    yield builder.started(call, now());
    if (tool.name === KNOWLEDGE_TOOL) {
      const documents = Array.from({ length: 5 }, (_, i) => ({
        id: `doc-${(n * 7 + i) % 5000}`,
        tenantId: random.chance(0.0005) ? 'tenant-of-another' : identity.tenantId,
        score: 0.5 + i / 10,
      }));
      const retrieval = { retrievalId: random.uuid(world.time), executionId, toolCallId, stepIndex, dataSource: 'handbook', query: input };
      yield builder.retrievalEvent(identity, { ...retrieval, documents, durationMs: 8 }, now());
    }
    const durationMs = 5 + random.below(400);
    const luck = random.next();
    if (luck < 0.02) yield builder.settled(call, 'unknown', { ...now(), durationMs });
    else if (luck < 0.06) yield builder.settled(call, 'failed', { ...now(), durationMs });
    else yield builder.settled(call, 'succeeded', { ...now(), durationMs }, { value: tool.answer(made) });
  }
  if (hasEnds) yield builder.runEvent(identity, 'ended', now(), 'succeeded');
}

/** An earlier call of the workflow again, or a new one. The first of a workflow can repeat nothing, so the others do a little more often. */
function nextCall({ random, repeats }: World, calls: Made[], n: number): Made {
  const again = calls.length > 0 && random.chance(repeats * 1.1) ? calls[random.below(calls.length)] : undefined;
  if (again !== undefined) return again;
  const tool = TOOLS[random.below(TOOLS.length)] ?? TOOLS[0];
  if (tool === undefined) throw new Error('the bench has no tools');
  const made = { tool, n, input: tool.input(n, random) };
  calls.push(made);
  return made;
}

/** One run of an agent: what its script calls, with the clock that it goes by and the lines that it leaves in the recording. */
import { canonical, type Json, type JsonObject } from './json.ts';
import type { Loss } from './oracle.ts';
import type { Play } from './play.ts';
import { type Random, uuidFrom } from './random.ts';
import { AnswerLost, type CallContext } from './seam.ts';
import type { AnswerOf, InputOf, ToolName } from './services/catalog.ts';
import { toolOf } from './services/catalog.ts';
import { type FoundDocument, Refused, stamp } from './services/tool.ts';

export interface RunOptions {
  readonly agentId: string;
  readonly attempt: number;
  /** Names the run among those of its attempt. */
  readonly part?: string;
  /** ms since the epoch. */
  readonly startsAt: number;
  /** ms between an answer and the next call. Default: between 0.7 and 3.2 s. */
  readonly thinksFor?: number;
}

export interface CallOptions {
  /** What a write is for: the one effect that is wanted. Default: the tool and the whole input. */
  readonly aim?: string;
  /** What the network swallows. */
  readonly lose?: Loss;
  /** What the service refuses with before anything happens. */
  readonly refuse?: string;
  readonly occurrence?: string;
  readonly approvalId?: string;
  readonly groundedOn?: readonly string[];
  /** The model's own call asked again by the framework keeps its id. */
  readonly toolCallId?: string;
}

/** What the agent gets to see. */
export type Answer<O> = { readonly ok: true; readonly result: O } | { readonly ok: false; readonly lost: boolean; readonly error: string };

const LATENCY = { read: [40, 260], write: [120, 900] } as const;

export class AgentRun {
  readonly runId: string;
  readonly #workflow: Play;
  readonly #options: RunOptions;
  readonly #random: Random;
  #clock: number;
  #steps = 0;
  #atOnce = false;
  /** Retrieval ids of the run, latest last. */
  readonly retrievals: string[] = [];

  constructor(workflow: Play, options: RunOptions) {
    this.runId = `${workflow.options.workflowId}#${options.attempt}${options.part === undefined ? '' : `/${options.part}`}`;
    this.#workflow = workflow;
    this.#options = options;
    this.#random = workflow.options.random.fork(this.runId);
    this.#clock = options.startsAt;
  }

  get clock(): number {
    return this.#clock;
  }

  wait(ms: number): void {
    this.#clock += ms;
  }

  /** Calls a tool through the workflow's seam. Each physical execution is a line of the recording. */
  async call<N extends ToolName>(tool: N, input: InputOf<N>, options: CallOptions = {}): Promise<Answer<AnswerOf<N>>> {
    const stepIndex = this.#steps;
    this.#steps += 1;
    if (!this.#atOnce) this.#think();
    const toolCallId = options.toolCallId ?? this.#workflow.newId('call', `${this.runId}/${stepIndex}`);
    const { tenantId, workflowId, seam } = this.#workflow.options;
    const { occurrence, approvalId, groundedOn } = options;
    const context: CallContext = {
      tenantId,
      workflowId,
      runId: this.runId,
      attempt: this.#options.attempt,
      agentId: this.#options.agentId,
      stepIndex,
      toolCallId,
      ...(occurrence !== undefined && { occurrence }),
      ...(approvalId !== undefined && { approvalId }),
      ...(groundedOn !== undefined && { groundedOn }),
    };
    try {
      const result = await seam(tool, input as JsonObject, async (sent) => this.#execute(tool, sent, options, context), context);
      return { ok: true, result: result as AnswerOf<N> };
    } catch (error) {
      if (error instanceof AnswerLost) return { ok: false, lost: true, error: error.message };
      if (error instanceof Refused) return { ok: false, lost: false, error: error.message };
      throw error;
    }
  }

  /** One call for each item, all at the same time: each starts a moment after the one before, none waits for another's answer. */
  async together<T>(items: readonly T[], one: (item: T) => Promise<unknown>): Promise<void> {
    this.#think();
    const began = this.#clock;
    let ended = began;
    this.#atOnce = true;
    for (const [index, item] of items.entries()) {
      this.#clock = began + index * 60;
      await one(item);
      ended = Math.max(ended, this.#clock);
    }
    this.#atOnce = false;
    this.#clock = ended;
  }

  #think(): void {
    this.#clock += this.#options.thinksFor ?? this.#random.int(700, 3_200);
  }

  /** Looks into the agent's own memory of a customer: a retrieval that is no tool call. */
  recall(about: string): void {
    const stepIndex = this.#steps;
    this.#steps += 1;
    this.#clock += this.#random.int(200, 900);
    const { tenantId } = this.#workflow.options;
    const document = { id: `memory/${about}/${this.#random.int(1, 9)}`, tenantId, score: 0.9, text: '' };
    this.#retrieved(stepIndex, undefined, 'memory', { about }, [document], this.#clock);
  }

  #execute(tool: ToolName, input: JsonObject, options: CallOptions, context: CallContext): Json {
    const { kind, search } = toolOf(tool);
    const { lose } = options;
    const [least, most] = LATENCY[kind];
    const durationMs = lose === undefined ? this.#random.int(least, most) : 30_000;
    const at = this.#clock;
    this.#clock += durationMs;
    const aim = kind === 'write' ? (options.aim ?? `${tool} ${canonical(input)}`) : undefined;
    const executed =
      options.refuse === undefined
        ? this.#workflow.execute(tool, input, at, aim, lose)
        : { settled: { status: 'failed' as const, error: options.refuse }, changes: [], repeatsLost: false, undecidable: false };
    const { settled } = executed;

    const place = { workflowId: context.workflowId, runId: this.runId, stepIndex: context.stepIndex };
    const { oracle } = this.#workflow;
    const judged =
      aim === undefined
        ? oracle.judgeRead(place, `${tool} ${canonical(input)}`, canonical({ ...settled }))
        : oracle.judgeWrite(place, aim, settled.status, executed.changes);
    const label = {
      ...judged,
      ...(lose !== undefined && { lost: lose }),
      ...(executed.repeatsLost && { repeatsLost: true }),
      ...(executed.undecidable && { undecidable: true }),
    };
    const { groundedOn, ...said } = context;
    this.#workflow.entries.push({
      at,
      line: {
        kind: 'tool_call',
        ...said,
        tool,
        arguments: input,
        ...settled,
        ...(groundedOn !== undefined && { groundedOn: [...groundedOn] }),
        occurredAt: stamp(at),
        durationMs,
      },
      label,
    });
    if (settled.status === 'unknown') throw new AnswerLost(`no answer within ${durationMs / 1_000} s`);
    if (settled.status === 'failed') throw new Refused(settled.error);
    if (search !== undefined) {
      const { store } = this.#workflow.options;
      const desk = { store, tenantId: context.tenantId, now: at, newId: (prefix: string) => prefix };
      const documents = search.find(desk, input);
      this.#retrieved(context.stepIndex, context.toolCallId, search.dataSource, input, documents, at + Math.floor(durationMs / 2));
    }
    return settled.result;
  }

  #retrieved(
    stepIndex: number,
    toolCallId: string | undefined,
    dataSource: string,
    query: JsonObject,
    documents: readonly FoundDocument[],
    at: number,
  ): void {
    const { tenantId, workflowId } = this.#workflow.options;
    const retrievalId = uuidFrom(`${this.#workflow.options.origin}/${this.runId}/${stepIndex}`);
    this.retrievals.push(retrievalId);
    const { attempt, agentId } = this.#options;
    this.#workflow.entries.push({
      at,
      line: {
        kind: 'retrieval',
        tenantId,
        workflowId,
        runId: this.runId,
        attempt,
        agentId,
        stepIndex,
        ...(toolCallId !== undefined && { toolCallId }),
        retrievalId,
        dataSource,
        query,
        occurredAt: stamp(at),
        documents: documents.map(({ id, tenantId: owner, score }) => ({ id, ...(owner !== undefined && { tenantId: owner }), score })),
      },
      label: {
        kind: 'retrieval',
        workflowId,
        runId: this.runId,
        stepIndex,
        foreign: documents.some(({ tenantId: owner }) => owner !== undefined && owner !== tenantId && owner !== 'shared'),
        untagged: documents.some(({ tenantId: owner }) => owner === undefined),
      },
    });
  }
}

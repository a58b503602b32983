/** Windows in this process's memory: rebuilt from the log at every start. */
import { boundedHistory, isBounded } from '../../domain/bounded.ts';
import { type Fact, isSameCall, type PhaseFact, phaseIdentities } from '../../domain/fact.ts';
import { type FoldedExecutions, NO_HISTORY } from '../../domain/fold.ts';
import type { Applied, Marker, PlacedFact, Standing, WindowBatch, WindowStore, WindowView } from '../port.ts';

interface Workflow {
  /** By identity: the fact, or what stays of it once its execution is folded. */
  readonly facts: Map<string, Standing>;
  readonly histories: Map<string, Fact[]>;
  /** What is folded of those histories that are long. */
  folded: Map<string, FoldedExecutions> | undefined;
  oldest: number;
  newest: number;
}

interface Partition {
  marker: Marker;
  /** Least recently touched first: expiry looks at the front alone. */
  readonly workflows: Map<string, Workflow>;
}

export interface MemoryWindowsOptions {
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
}

/** A workflow that goes on and on is trimmed when its oldest fact is over by this part of a window: not at every event. */
const TRIM = 1 / 8;

export class MemoryWindows implements WindowStore {
  readonly #windowMs: number;
  readonly #partitions = new Map<number, Partition>();

  constructor({ windowMs }: MemoryWindowsOptions) {
    this.#windowMs = windowMs;
  }

  async marker(partition: number): Promise<Marker | undefined> {
    return this.#partitions.get(partition)?.marker;
  }

  async begin(partition: number, marker: Omit<Marker, 'hi'>): Promise<void> {
    this.#partitions.set(partition, { marker: { ...marker, hi: marker.lo }, workflows: new Map() });
  }

  async apply(batch: WindowBatch): Promise<Applied> {
    const partition = this.#partitions.get(batch.partition);
    if (partition === undefined || !covers(partition.marker, batch)) return { status: 'lost' };
    // Log times never fall: no record of the batch, nor of a later one, looks back beyond what its first one does.
    const oldest = (batch.facts[0]?.fact.logTime ?? 0) - this.#windowMs;
    expire(partition, oldest);
    for (const placed of batch.facts) this.#record(partition, placed, oldest);
    for (const placed of batch.facts) this.#fold(partition, placed, batch.committed);
    const { marker } = partition;
    partition.marker = { ...marker, hi: Math.max(marker.hi, batch.to), committed: Math.max(marker.committed, batch.committed) };
    return { status: 'applied', marker: partition.marker, view: viewOf(partition) };
  }

  async close(): Promise<void> {
    this.#partitions.clear();
  }

  #record(partition: Partition, { workflow: key, histories, fact }: PlacedFact, oldest: number): void {
    const workflow = touch(partition, key);
    const known = workflow.facts.get(fact.id);
    if (known !== undefined && !this.#isReplacedBy(known, fact)) return;
    // One that is no longer in the other's window stays in its histories: earlier records of this very batch may still look back to it.
    if (known !== undefined && known.offset > fact.offset) remove(workflow, known);
    const kept = sharing(workflow, histories, fact);
    for (const name of histories) if (!this.#isFolded(workflow, name, fact)) insert(workflow, name, kept);
    workflow.facts.set(fact.id, kept);
    workflow.newest = Math.max(workflow.newest, fact.logTime);
    workflow.oldest = Math.min(workflow.oldest, fact.logTime);
    if (oldest - workflow.oldest > this.#windowMs * TRIM) trim(workflow, oldest);
  }

  /** Whether the fact's execution is among those that the history has summed up. */
  #isFolded(workflow: Workflow, name: string, fact: Fact): boolean {
    const folded = workflow.folded?.get(name);
    if (folded === undefined || fact.kind !== 'phase') return false;
    return beganAt(workflow, fact, this.#windowMs) <= folded.closedThrough;
  }

  #fold({ workflows }: Partition, { workflow: key, histories }: PlacedFact, committed: number): void {
    const workflow = workflows.get(key);
    if (workflow === undefined) return;
    for (const name of histories) {
      const facts = workflow.histories.get(name);
      if (facts === undefined || isBounded(name, facts.length)) continue;
      const bounded = boundedHistory(name, { folded: workflow.folded?.get(name), facts }, committed, this.#windowMs);
      if (bounded.facts.length === facts.length) continue;
      workflow.histories.set(name, [...bounded.facts]);
      if (bounded.folded === undefined) continue;
      workflow.folded ??= new Map();
      workflow.folded.set(name, bounded.folded);
      const open = new Set(bounded.facts);
      for (const fact of facts) if (!open.has(fact)) workflow.facts.set(fact.id, standingOf(fact));
    }
  }

  /** The lower offset stays, unless it is no longer in the other one's window: then the other is no redelivery. */
  #isReplacedBy(known: Standing, fact: Fact): boolean {
    if (known.offset < fact.offset) return fact.logTime - known.logTime > this.#windowMs;
    return known.offset > fact.offset && known.logTime - fact.logTime <= this.#windowMs;
  }
}

/** Where its execution began: the offset of the first phase that is known of it, a window long. */
function beganAt({ facts }: Workflow, fact: PhaseFact, windowMs: number): number {
  let first = fact.offset;
  for (const id of phaseIdentities(fact.call.executionId)) {
    const known = facts.get(id);
    if (known !== undefined && known.offset < first && fact.logTime - known.logTime <= windowMs) first = known.offset;
  }
  return first;
}

function standingOf({ id, offset, logTime, contentDigest }: Fact): Standing {
  return { id, offset, logTime, contentDigest };
}

/** What an execution's phases say alike is kept once: the fact with the other phase's call, where they are equal. */
function sharing(workflow: Workflow, histories: readonly string[], fact: Fact): Fact {
  if (fact.kind !== 'phase') return fact;
  for (const name of histories) {
    const other = workflow.histories
      .get(name)
      ?.findLast((each) => each.kind === 'phase' && each.call.executionId === fact.call.executionId);
    if (other?.kind === 'phase' && isSameCall(other.call, fact.call)) return { ...fact, call: other.call };
  }
  return fact;
}

function remove(workflow: Workflow, { id, offset }: Standing): void {
  for (const [name, history] of workflow.histories) {
    const left = history.filter((other) => other.offset !== offset);
    if (left.length === history.length) continue;
    if (left.length === 0) workflow.histories.delete(name);
    else workflow.histories.set(name, left);
  }
  workflow.facts.delete(id);
}

function expire(partition: Partition, oldest: number): void {
  for (const [key, workflow] of partition.workflows) {
    if (workflow.newest >= oldest) break;
    partition.workflows.delete(key);
  }
}

function trim(workflow: Workflow, oldest: number): void {
  for (const [name, history] of workflow.histories) {
    const left = history.filter((fact) => fact.logTime >= oldest);
    if (left.length === 0) workflow.histories.delete(name);
    else workflow.histories.set(name, left);
  }
  workflow.oldest = Number.POSITIVE_INFINITY;
  for (const [id, fact] of workflow.facts) {
    if (fact.logTime < oldest) workflow.facts.delete(id);
    else workflow.oldest = Math.min(workflow.oldest, fact.logTime);
  }
}

function covers(marker: Marker, { windowId, from }: WindowBatch): boolean {
  return marker.windowId === windowId && marker.lo <= from && from <= marker.hi;
}

/** Finds or makes a workflow, and moves it to the end of the queue for expiry. */
function touch(partition: Partition, key: string): Workflow {
  let workflow = partition.workflows.get(key);
  if (workflow === undefined)
    workflow = { facts: new Map(), histories: new Map(), folded: undefined, oldest: Number.POSITIVE_INFINITY, newest: 0 };
  else partition.workflows.delete(key);
  partition.workflows.set(key, workflow);
  return workflow;
}

/** Histories are mostly this short: arrays that grow by themselves would hold room for many times as many facts. */
const SHORT = 8;

/** Puts a fact into a history, in order of offset. */
function insert(workflow: Workflow, name: string, fact: Fact): void {
  const history = workflow.histories.get(name);
  if (history === undefined) {
    workflow.histories.set(name, [fact]);
    return;
  }
  const at = history.findLastIndex((other) => other.offset < fact.offset) + 1;
  if (history.length < SHORT) workflow.histories.set(name, history.toSpliced(at, 0, fact));
  else history.splice(at, 0, fact);
}

function viewOf(partition: Partition): WindowView {
  return {
    history(workflow, key) {
      const held = partition.workflows.get(workflow);
      const facts = held?.histories.get(key);
      const folded = held?.folded?.get(key);
      return facts === undefined && folded === undefined ? NO_HISTORY : { folded, facts: facts ?? NO_HISTORY.facts };
    },
    fact: (workflow, id) => partition.workflows.get(workflow)?.facts.get(id),
  };
}

/** What one page says of a history, and of an identity. */
import type { CallFact, Fact, PhaseFact } from '../../domain/fact.ts';
import type { FoldedExecutions, History } from '../../domain/fold.ts';
import { readFold } from './fold-item.ts';
import type { AnchoredHistory } from './histories.ts';
import type { Position } from './layout.ts';
import { type CallItem, type EventItem, effectNameOf, hasAnchor, type Page, type PhaseItem, readPage, standing } from './page.ts';
import { phaseFactOf } from './phase-fact.ts';

export interface LeafOptions {
  /** What of the digests' first four bits, each time, brings a history here; empty where the workflow has one page. */
  readonly path: string;
  /** Its items. */
  readonly items: Buffer;
  readonly near: Pick<Position, 'offset' | 'logTime'>;
  readonly windowMs: number;
}

/** A page that is not split. */
export class Leaf {
  readonly path: string;
  readonly items: Buffer;
  readonly page: Page;
  readonly #windowMs: number;
  #standing: readonly Delivery[] | undefined;
  #phases: readonly PhaseItem[] | undefined;
  #begun: ReadonlyMap<string, readonly Position[] | undefined> | undefined;

  /** @throws UnreadablePage */
  constructor({ path, items, near, windowMs }: LeafOptions) {
    this.path = path;
    this.items = items;
    this.page = readPage(items, near);
    this.#windowMs = windowMs;
  }

  history(history: AnchoredHistory): History {
    if (history.kind === 'existence') return { folded: undefined, facts: this.#existing(history) };
    const folded = this.folded(history);
    const calls = new Map<CallItem, CallFact>();
    return { folded, facts: this.itemsOf(history, folded).map((item) => phaseFactOf(item, history, calls)) };
  }

  /** Phases of a history in order of offset, each delivery that stands once, without those of folded executions. */
  itemsOf(history: Exclude<AnchoredHistory, { kind: 'existence' }>, folded: FoldedExecutions | undefined): readonly PhaseItem[] {
    const isOf = new Map<CallItem, boolean>();
    const isIn = (call: CallItem) => {
      const known = isOf.get(call) ?? isCallOf(call, history);
      isOf.set(call, known);
      return known;
    };
    return this.standingPhases().filter(
      (item) =>
        isIn(item.call) &&
        (history.kind === 'executions' || item.phase === 'succeeded') &&
        (folded === undefined || this.#begin(item) > folded.closedThrough),
    );
  }

  /** In order of offset, of each identity what stands: first deliveries, whether their phases are here or only where they stood. */
  standing(): readonly Delivery[] {
    if (this.#standing !== undefined) return this.#standing;
    const deliveries: Delivery[] = this.page.phases.map((item) => deliveryOf(item.call.executionId, item, item));
    for (const { executionId, phases } of this.page.standings) {
      for (const phase of phases) deliveries.push(deliveryOf(executionId, phase, undefined));
    }
    this.#standing = withoutRedeliveries(deliveries, ({ id }) => id, this.#windowMs);
    return this.#standing;
  }

  standingPhases(): readonly PhaseItem[] {
    this.#phases ??= this.standing().flatMap(({ item }) => item ?? []);
    return this.#phases;
  }

  /** In order of offset, of each identity what stands. */
  standingEvents(): readonly EventItem[] {
    return withoutRedeliveries(this.page.events, ({ identity }) => identity.toString('latin1'), this.#windowMs);
  }

  folded(history: AnchoredHistory): FoldedExecutions | undefined {
    if (history.kind !== 'executions') return undefined;
    for (const { anchor, json } of this.page.folds) {
      if (!anchor.equals(history.anchor)) continue;
      const folded = readFold(json, history, this.page.phases);
      if (folded !== undefined) return folded;
    }
    return undefined;
  }

  #existing({ anchor }: AnchoredHistory): readonly Fact[] {
    const phases = this.standingPhases().filter(({ call }) => call.existence?.equals(anchor) === true);
    const events = this.standingEvents().filter(({ anchors }) => anchors.some((other) => other.equals(anchor)));
    return [...phases, ...events]
      .sort((a, b) => a.offset - b.offset)
      .map(({ offset, logTime, contentDigest }) => ({ kind: 'retrieval', id: '', offset, logTime, contentDigest, dataSource: '' }));
  }

  standingOfPhase(executionId: Buffer, phase: PhaseFact['phase']): Position | undefined {
    const { phases, standings } = this.page;
    const deliveries: Position[] = phases.filter((item) => item.phase === phase && item.call.executionId.equals(executionId));
    for (const item of standings) {
      if (item.executionId.equals(executionId)) deliveries.push(...item.phases.filter((other) => other.phase === phase));
    }
    return standing(deliveries, this.#windowMs);
  }

  standingOfEvent(identity: Buffer): Position | undefined {
    return standing(
      this.page.events.filter((item) => item.identity.equals(identity)),
      this.#windowMs,
    );
  }

  /** Where the execution of a phase began, for all that the page knows: at most a window before it. */
  #begin({ call, offset, logTime }: PhaseItem): number {
    this.#begun ??= positionsIn(this.page);
    const all = this.#begun.get(call.executionId.toString('hex'));
    if (all === undefined) return BEFORE_ALL;
    return all.reduce((first, other) => (other.offset < first && logTime - other.logTime <= this.#windowMs ? other.offset : first), offset);
  }
}

const BEFORE_ALL = -1;

/** Of each execution what is known of where it stands. Undefined: it began before all of that, and was folded. */
function positionsIn({ phases, standings }: Page): ReadonlyMap<string, readonly Position[] | undefined> {
  const all = new Map<string, Position[] | undefined>();
  const note = (executionId: Buffer, position: Position) => {
    const id = executionId.toString('hex');
    const known = all.get(id);
    if (known === undefined) all.set(id, [position]);
    else known.push(position);
  };
  for (const item of phases) note(item.call.executionId, item);
  for (const item of standings) {
    for (const position of item.phases) note(item.executionId, position);
    if (item.phases.length === 0) all.set(item.executionId.toString('hex'), undefined);
  }
  return all;
}

function isCallOf(call: CallItem, history: Exclude<AnchoredHistory, { kind: 'existence' }>): boolean {
  if (history.kind === 'successes') return call.run[0] === history.runId;
  return effectNameOf(call) === history.effectName && hasAnchor(call, history.anchor, history.list);
}

/** A phase that was delivered. */
export interface Delivery extends Position {
  readonly id: string;
  readonly executionId: Buffer;
  readonly phase: PhaseFact['phase'];
  /** Undefined where only its place is remembered. */
  readonly item: PhaseItem | undefined;
}

function deliveryOf(executionId: Buffer, at: Position & Pick<PhaseItem, 'phase'>, item: PhaseItem | undefined): Delivery {
  const { phase, offset, logTime, contentDigest } = at;
  return { id: `${executionId.toString('latin1')}${phase}`, executionId, phase, offset, logTime, contentDigest, item };
}

function withoutRedeliveries<T extends Position>(items: readonly T[], identityOf: (item: T) => string, windowMs: number): readonly T[] {
  const held = new Map<string, T>();
  return items
    .toSorted((a, b) => a.offset - b.offset)
    .filter((item) => {
      const id = identityOf(item);
      const before = held.get(id);
      if (before !== undefined && before.offset !== item.offset && item.logTime - before.logTime <= windowMs) return false;
      held.set(id, item);
      return true;
    });
}

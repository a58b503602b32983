/** What the store answered on a batch: pages of those workflows in which something met, for all others the batch's own facts. */
import type { Fact } from '../../domain/fact.ts';
import { type History, NO_HISTORY } from '../../domain/fold.ts';
import type { PlacedFact, Standing, WindowView } from '../port.ts';
import type { AnchoredHistory } from './histories.ts';
import { ANCHOR_BYTES, hashOf, type Position, pathOfAnchor, pathOfExecution, uuidBytes } from './layout.ts';
import type { Leaf } from './leaf.ts';
import { standing } from './page.ts';

export interface AnchoredFact {
  readonly placed: PlacedFact;
  readonly histories: readonly AnchoredHistory[];
}

export class RedisView implements WindowView {
  readonly #facts: ReadonlyMap<string, readonly AnchoredFact[]>;
  readonly #leaves: ReadonlyMap<string, readonly Leaf[]>;
  readonly #windowMs: number;
  readonly #histories = new Map<string, History>();

  /** @param facts the batch's, by workflow */
  constructor(facts: ReadonlyMap<string, readonly AnchoredFact[]>, leaves: ReadonlyMap<string, readonly Leaf[]>, windowMs: number) {
    this.#facts = facts;
    this.#leaves = leaves;
    this.#windowMs = windowMs;
  }

  history(workflow: string, key: string): History {
    const name = `${workflow.length}:${workflow}${key}`;
    const known = this.#histories.get(name);
    if (known !== undefined) return known;
    const history = this.#read(workflow, key);
    this.#histories.set(name, history);
    return history;
  }

  #read(workflow: string, key: string): History {
    const own = this.#facts.get(workflow) ?? [];
    const history = own.flatMap(({ histories }) => histories).find((each) => each.key === key);
    if (history === undefined) return NO_HISTORY;
    const leaf = this.#leafAt(workflow, pathOfAnchor(history.anchor));
    if (leaf !== undefined) return leaf.history(history);
    const facts = own.filter(({ histories }) => histories.some((each) => each.key === key)).map(({ placed }) => placed.fact);
    return { folded: undefined, facts: this.#standing(facts) };
  }

  fact(workflow: string, id: string): Standing | undefined {
    const own = (this.#facts.get(workflow) ?? []).map(({ placed }) => placed.fact).filter((fact) => fact.id === id);
    const [first] = own;
    if (first === undefined) return undefined;
    const held = this.#held(workflow, first) ?? standing(own, this.#windowMs);
    return held === undefined ? undefined : { id, offset: held.offset, logTime: held.logTime, contentDigest: held.contentDigest };
  }

  #held(workflow: string, fact: Fact): Position | undefined {
    if (fact.kind === 'phase') {
      const execution = uuidBytes(fact.call.executionId);
      return this.#leafAt(workflow, pathOfExecution(execution))?.standingOfPhase(execution, fact.phase);
    }
    const identity = hashOf(fact.id, ANCHOR_BYTES);
    return this.#leafAt(workflow, pathOfAnchor(identity))?.standingOfEvent(identity);
  }

  #leafAt(workflow: string, path: string): Leaf | undefined {
    return this.#leaves.get(workflow)?.find((leaf) => path.startsWith(leaf.path));
  }

  /** In order of offset, of each identity what stands. */
  #standing(facts: readonly Fact[]): readonly Fact[] {
    const held = new Map<string, Fact>();
    return facts
      .toSorted((a, b) => a.offset - b.offset)
      .filter((fact) => {
        const before = held.get(fact.id);
        if (before !== undefined && fact.logTime - before.logTime <= this.#windowMs) return false;
        held.set(fact.id, fact);
        return true;
      });
  }
}

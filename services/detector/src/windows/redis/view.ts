/** What the store answered on a batch: pages of those workflows in which something met, for all others the batch's own facts. */
import type { Fact } from '../../domain/fact.ts';
import { type History, NO_HISTORY } from '../../domain/fold.ts';
import type { PlacedFact, Standing, WindowView } from '../port.ts';
import { anchoredHistory } from './histories.ts';
import { ANCHOR_BYTES, hashOf, type Position, pathOfAnchor, pathOfExecution, uuidBytes } from './layout.ts';
import type { Leaf } from './leaf.ts';
import { standing } from './page.ts';

/** A batch's own facts of a workflow. */
interface OwnFacts {
  readonly byId: ReadonlyMap<string, readonly Fact[]>;
  readonly byHistory: ReadonlyMap<string, readonly Fact[]>;
}

const NO_FACTS: OwnFacts = { byId: new Map(), byHistory: new Map() };

function indexed(placed: readonly PlacedFact[]): OwnFacts {
  const byId = new Map<string, Fact[]>();
  const byHistory = new Map<string, Fact[]>();
  const add = (index: Map<string, Fact[]>, key: string, fact: Fact) => {
    const known = index.get(key);
    if (known === undefined) index.set(key, [fact]);
    else known.push(fact);
  };
  for (const { fact, histories } of placed) {
    add(byId, fact.id, fact);
    for (const key of histories) add(byHistory, key, fact);
  }
  return { byId, byHistory };
}

export class RedisView implements WindowView {
  readonly #facts: ReadonlyMap<string, readonly PlacedFact[]>;
  readonly #indexed = new Map<string, OwnFacts>();
  readonly #leaves: ReadonlyMap<string, readonly Leaf[]>;
  readonly #windowMs: number;
  readonly #read = new Map<string, Map<string, History>>();

  /** @param facts the batch's, by workflow */
  constructor(facts: ReadonlyMap<string, readonly PlacedFact[]>, leaves: ReadonlyMap<string, readonly Leaf[]>, windowMs: number) {
    this.#facts = facts;
    this.#leaves = leaves;
    this.#windowMs = windowMs;
  }

  history(workflow: string, key: string): History {
    const own = this.#ownOf(workflow).byHistory.get(key) ?? [];
    if (!this.#leaves.has(workflow)) return this.#own(own);
    const read = this.#read.get(workflow) ?? new Map<string, History>();
    this.#read.set(workflow, read);
    const known = read.get(key);
    if (known !== undefined) return known;
    const [fact] = own;
    const history = fact === undefined ? undefined : anchoredHistory(fact, key);
    const leaf = history === undefined ? undefined : this.#leafAt(workflow, pathOfAnchor(history.anchor));
    const answer = history === undefined || leaf === undefined ? this.#own(own) : leaf.history(history);
    read.set(key, answer);
    return answer;
  }

  #ownOf(workflow: string): OwnFacts {
    const known = this.#indexed.get(workflow);
    if (known !== undefined) return known;
    const placed = this.#facts.get(workflow);
    if (placed === undefined) return NO_FACTS;
    const made = indexed(placed);
    this.#indexed.set(workflow, made);
    return made;
  }

  #own(facts: readonly Fact[]): History {
    return facts.length === 0 ? NO_HISTORY : { folded: undefined, facts: facts.length === 1 ? facts : this.#standing(facts) };
  }

  fact(workflow: string, id: string): Standing | undefined {
    const own = this.#ownOf(workflow).byId.get(id) ?? [];
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

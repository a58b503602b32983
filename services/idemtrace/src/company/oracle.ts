/**
 * The effect oracle: says of each call what it did, by the rows that differ after it. It knows what each call is *for* (its aim, as the
 * script that makes the call states it), never what its arguments say.
 *
 * - exact duplicate: the aim had been reached, and rows with the same content were made again
 * - divergent duplicate: the aim had been reached by an earlier run, and rows with another content were made
 * - amendment: the same within one run: a second change that is meant
 */
import { canonical, type Json } from './json.ts';
import type { Change, TableName } from './store.ts';

export type WriteVerdict = 'first_effect' | 'duplicate_effect' | 'harmless_repeat' | 'amendment' | 'failed_no_effect' | 'noop_no_effect';
export type ReadVerdict = 'first_read' | 'redundant_read' | 'reread_after_write';
/** What an effect changes: money moved, a record more, or a record overwritten. */
export type Harm = 'money' | 'new_record' | 'overwrite';

interface Place {
  readonly workflowId: string;
  readonly runId: string;
  readonly stepIndex: number;
}

export interface CallLabel extends Place {
  readonly kind: 'tool_call';
  readonly class: 'read' | 'write';
  readonly label: WriteVerdict | ReadVerdict;
  readonly stateChanged: boolean;
  /** What the call was for. */
  readonly entity?: string;
  readonly duplicate?: 'exact' | 'divergent';
  readonly scope?: 'within' | 'across';
  readonly harm?: Harm;
  readonly sub?: 'noop' | 'rejected';
  /** Rows that differ, as `table.id added` or `table.id changed`. */
  readonly effect?: readonly string[];
  readonly resultChanged?: boolean;
  /** What the network swallowed. */
  readonly lost?: Loss;
  /** The call does again what a call did whose answer was lost. */
  readonly repeatsLost?: boolean;
  /** Whether the lost call had its effect shows in no answer up to and including this one's. */
  readonly undecidable?: boolean;
}

export interface RetrievalLabel extends Place {
  readonly kind: 'retrieval';
  /** A document of another tenant was among those returned. */
  readonly foreign: boolean;
  /** A document without a tenant was. */
  readonly untagged: boolean;
}

export type Label = CallLabel | RetrievalLabel;
export type Loss = 'reply' | 'request';

const MONEY: ReadonlySet<TableName> = new Set(['charges', 'refunds', 'orders']);

interface Effect {
  readonly runId: string;
  readonly content: string;
}

interface PastRead {
  readonly runId: string;
  answer: string;
}

/** Judges the calls of one workflow, in their order. */
export class EffectOracle {
  readonly #effects = new Map<string, Effect[]>();
  readonly #reads = new Map<string, PastRead>();

  judgeWrite(place: Place, aim: string, status: 'succeeded' | 'failed' | 'unknown', changes: readonly Change[]): CallLabel {
    const base = { kind: 'tool_call', ...place, class: 'write', entity: aim, stateChanged: changes.length > 0 } as const;
    const earlier = this.#effects.get(aim) ?? [];
    const within = earlier.some(({ runId }) => runId === place.runId);
    const scope = within ? 'within' : 'across';
    if (changes.length === 0) {
      if (earlier.length > 0) return { ...base, label: 'harmless_repeat', sub: status === 'failed' ? 'rejected' : 'noop', scope };
      return { ...base, label: status === 'succeeded' ? 'noop_no_effect' : 'failed_no_effect' };
    }
    const effect = { runId: place.runId, content: contentOf(changes) };
    this.#effects.set(aim, [...earlier, effect]);
    const seen = { harm: harmOf(changes), effect: changes.map(nameOf) };
    if (earlier.length === 0) return { ...base, label: 'first_effect', ...seen };
    if (earlier.some(({ content }) => content === effect.content)) {
      return { ...base, label: 'duplicate_effect', duplicate: 'exact', scope, ...seen };
    }
    if (earlier.every(({ runId }) => runId === place.runId)) return { ...base, label: 'amendment', scope, ...seen };
    return { ...base, label: 'duplicate_effect', duplicate: 'divergent', scope, ...seen };
  }

  /** @param question what is read, so that the same question asked again is known: a read leaves no trace in the state. */
  judgeRead(place: Place, question: string, answer: string): CallLabel {
    const base = { kind: 'tool_call', ...place, class: 'read', stateChanged: false } as const;
    const past = this.#reads.get(question);
    if (past === undefined) {
      this.#reads.set(question, { runId: place.runId, answer });
      return { ...base, label: 'first_read' };
    }
    const scope = past.runId === place.runId ? 'within' : 'across';
    const resultChanged = past.answer !== answer;
    past.answer = answer;
    return { ...base, label: resultChanged ? 'reread_after_write' : 'redundant_read', scope, resultChanged };
  }
}

/** What rows say, without the ids and times that every row gets anew. */
function contentOf(changes: readonly Change[]): string {
  const contents = changes.map(({ table, id, before, after }) => {
    const { id: _id, created_at: _createdAt, ...content } = after as { readonly [name: string]: Json };
    return canonical([table, before === undefined ? null : id, content]);
  });
  return contents.sort().join('\n');
}

function harmOf(changes: readonly Change[]): Harm {
  if (changes.some(({ table }) => MONEY.has(table))) return 'money';
  return changes.some(({ before }) => before === undefined) ? 'new_record' : 'overwrite';
}

function nameOf({ table, id, before }: Change): string {
  return `${table}.${id} ${before === undefined ? 'added' : 'changed'}`;
}

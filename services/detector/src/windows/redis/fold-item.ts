/** A fold in a page: JSON that names executions by their ids and the offsets of two of their phases, which stay in the page. */
import type { FoldedExecutions, FoldedGroup, Streak } from '../../domain/fold.ts';
import type { Execution } from '../../domain/history.ts';
import type { AnchoredHistory } from './histories.ts';
import { ANCHOR_BYTES, ITEM, uuidBytes } from './layout.ts';
import type { PhaseItem } from './page.ts';
import { phaseFactOf } from './phase-fact.ts';

type Reference = readonly [executionId: string, first: number, latest: number];

interface StoredFold {
  /** List and effect name of the history: an anchor alone may be that of two. */
  readonly of: readonly [list: string, effectName: string];
  readonly through: number;
  readonly groups: readonly StoredGroup[];
  readonly approvals: FoldedExecutions['approvals'];
}

interface StoredGroup {
  readonly occurrences: readonly string[];
  readonly counts: FoldedGroup['counts'];
  readonly first: Reference;
  readonly last: Reference;
  readonly effective: Reference | null;
  readonly runs: readonly (readonly [runId: string, count: number, last: Reference, effective: Reference | null, Streak | null])[];
}

export function writeFold(folded: FoldedExecutions, history: Extract<AnchoredHistory, { kind: 'executions' }>): Buffer {
  const stored: StoredFold = {
    of: [history.list, history.effectName],
    through: folded.closedThrough,
    groups: folded.groups.map(({ occurrences, counts, first, last, lastEffective, runs }) => ({
      occurrences,
      counts,
      first: refer(first),
      last: refer(last),
      effective: lastEffective === null ? null : refer(lastEffective),
      runs: runs.map((run) => [
        run.runId,
        run.count,
        refer(run.last),
        run.lastEffective === null ? null : refer(run.lastEffective),
        run.streak,
      ]),
    })),
    approvals: folded.approvals,
  };
  const json = Buffer.from(JSON.stringify(stored));
  const head = Buffer.alloc(4 + ANCHOR_BYTES);
  head[0] = ITEM.fold;
  history.anchor.copy(head, 1);
  head.writeUIntBE(json.length, 1 + ANCHOR_BYTES, 3);
  return Buffer.concat([head, json]);
}

/** Undefined where the fold is of another history. */
export function readFold(
  json: string,
  history: Extract<AnchoredHistory, { kind: 'executions' }>,
  phases: readonly PhaseItem[],
): FoldedExecutions | undefined {
  const stored = JSON.parse(json) as StoredFold;
  if (stored.of[0] !== history.list || stored.of[1] !== history.effectName) return undefined;
  const byPlace = new Map(phases.map((item) => [`${item.call.executionId.toString('hex')} ${item.offset}`, item]));
  const executionOf = ([executionId, first, latest]: Reference): Execution | undefined => {
    const hex = uuidBytes(executionId).toString('hex');
    const [begun, last] = [byPlace.get(`${hex} ${first}`), byPlace.get(`${hex} ${latest}`)];
    if (begun === undefined || last === undefined) return undefined;
    const fact = phaseFactOf(begun, history);
    return { executionId, call: fact.call, first: fact, latest: begun === last ? fact : phaseFactOf(last, history) };
  };
  const perhaps = (reference: Reference | null) => (reference === null ? null : (executionOf(reference) ?? null));
  const groups = stored.groups.flatMap((group): readonly FoldedGroup[] => {
    const [first, last] = [executionOf(group.first), executionOf(group.last)];
    if (first === undefined || last === undefined) return [];
    const runs = group.runs.flatMap(([runId, count, lastOfRun, effective, streak]) => {
      const of = executionOf(lastOfRun);
      return of === undefined ? [] : [{ runId, count, last: of, lastEffective: perhaps(effective), streak }];
    });
    const { occurrences, counts } = group;
    return [{ occurrences, counts, first, last, lastEffective: perhaps(group.effective), runs }];
  });
  return { closedThrough: stored.through, groups, approvals: stored.approvals };
}

function refer({ executionId, first, latest }: Execution): Reference {
  return [executionId, first.offset, latest.offset];
}

import { compareDigests, compareInputs } from '../digests.ts';
import { effectOf } from '../effect.ts';
import { executionsIn, type SeenExecutions } from '../executions.ts';
import { historyKey, keyed, type PhaseFact } from '../fact.ts';
import { triggerOf } from '../finding.ts';
import type { Streak } from '../fold.ts';
import { isVisible, type Viewpoint } from '../history.ts';
import { latestSuccesses } from '../successes.ts';
import { evidenceOf } from './comparison.ts';
import type { Judgement, Rule } from './rule.ts';

/**
 * The same effect and input again and again in one run, always with the same result, and nothing else succeeding in between
 * (rule `execution_loop`, v1). Said at the threshold, and again at twice, four times … the threshold, as revisions of one alert, for as long
 * as the execution that it was first said of is open: with the default threshold of 5 up to 40.
 */
export const executionLoop: Rule<'execution_loop'> = {
  name: 'execution_loop',
  version: 1,
  judge(judgement) {
    const { event } = judgement.positioned;
    if (event.name !== 'ToolCallEvent' || event.value.phase !== 'succeeded' || event.value.resultHashes.length === 0) return [];
    const { effectName, inputHashes, runId } = event.value;
    const keys = inputHashes.map((hash) => historyKey.input(effectName, keyed(hash)));
    const threshold = thresholdOf(judgement);
    const histories = keys.map((key) => judgement.facts.history(key));
    if (!histories.some(({ folded, facts }) => folded !== undefined || facts.length >= threshold)) return [];

    const now: Viewpoint = { offset: judgement.positioned.offset, logTime: judgement.positioned.logTime, windowMs: judgement.windowMs };
    const seen = executionsIn(judgement.facts, keys, now);
    const executions = seen.open.filter((execution) => execution.call.runId === runId);
    const outcomes = executions.map(({ latest }) => latest).filter(({ phase }) => phase !== 'started');
    const others = otherSuccesses(judgement, now);
    const { chain, incomparable } = unbroken(
      outcomes.sort((a, b) => a.offset - b.offset),
      others.different,
    );
    const closed = chain.length < outcomes.length ? 0 : closedBefore(chain, seen, others.different);
    if (closed === undefined || !isMultiple(closed + chain.length, threshold)) return [];
    const length = closed + chain.length;

    const members = new Set(chain.map((fact) => fact.call.executionId));
    const looping = executions.filter((execution) => members.has(execution.executionId));
    const trigger = looping[threshold - closed - 1];
    const last = looping.at(-1);
    if (trigger === undefined || last === undefined) return [];
    const effect = effectOf(trigger.call, judgement.policy);
    const earlier = { executions: looping.slice(0, -1), closed: [] };
    const evidence = evidenceOf(last, earlier, looping.at(-2) ?? last, incomparable + others.incomparable);
    return [
      {
        rule: 'execution_loop',
        ruleVersion: executionLoop.version,
        severity: 'warning',
        cause: null,
        summary: `${trigger.call.tool} was executed ${length} times in run ${runId} with the same input and the same result, and nothing else succeeded in between.`,
        suggestion: `If the tool waits for a state, declare it: "${trigger.call.tool}": { poll: { max: N } }`,
        trigger: triggerOf(trigger.call, trigger.first.offset, effect.effectClass),
        subject: trigger.call.inputs[0] ?? '',
        evidence: { ...evidence, executionsInRun: length, executionsAcrossRuns: length },
      },
    ];
  },
};

/** A tool that declares that it polls is let off up to its `max`. */
function thresholdOf({ positioned, policy }: Judgement): number {
  const call = positioned.event.name === 'ToolCallEvent' ? positioned.event.value : undefined;
  const pollMax = (call === undefined ? undefined : policy.tool(call.tool)?.poll?.max) ?? call?.poll?.max ?? 0;
  return Math.max(policy.policy.loopThreshold, pollMax + 1);
}

interface OtherSuccesses {
  /** Offsets of the run's latest successes that are of another effect or input, ascending. */
  readonly different: readonly number[];
  /** How many are of the same effect, and of an input that cannot be compared. */
  readonly incomparable: number;
}

function otherSuccesses({ positioned, facts }: Judgement, now: Viewpoint): OtherSuccesses {
  if (positioned.event.name !== 'ToolCallEvent') return { different: [], incomparable: 0 };
  const { effectName, inputHashes, runId } = positioned.event.value;
  const successes = latestSuccesses(facts.history(historyKey.successes(runId)).facts, now.offset + 1);
  const own = successes.find(({ offset }) => offset === now.offset);
  const inputs = own?.kind === 'phase' ? own.call.inputs : inputHashes.map(keyed);
  const different: number[] = [];
  let incomparable = 0;
  for (const fact of successes) {
    if (fact.kind !== 'phase' || !isVisible(fact, now)) continue;
    const { call } = fact;
    if (call.effectName !== effectName || call.inputs.length === 0 || compareInputs(call.inputs, inputs) === 'different') {
      different.push(fact.offset);
    } else if (compareInputs(call.inputs, inputs) === 'incomparable') incomparable += 1;
  }
  return { different, incomparable };
}

/** How many closed executions a chain of all open ones goes on from; undefined where something else succeeded in the midst of them. */
function closedBefore(chain: readonly PhaseFact[], { closed }: SeenExecutions, others: readonly number[]): number | undefined {
  const [first] = chain;
  const runs = closed.groups.flatMap(({ runs }) => runs).filter((run) => run.runId === first?.call.runId);
  if (first === undefined || runs.length === 0) return 0;
  const streaks = runs.map(({ streak }) => streak).filter((streak) => streak !== null);
  const latest = streaks.reduce((a, b) => (b.until > a.until ? b : a), streaks[0] ?? NO_STREAK);
  const lastOther = others.findLast((offset) => offset < first.offset) ?? -1;
  if (lastOther > latest.until || compareDigests(first.results, latest.results) !== 'same') return 0;
  return lastOther < latest.since ? latest.count : undefined;
}

const NO_STREAK: Streak = { count: 0, results: [], since: -1, until: -1 };

/**
 * The latest outcomes, oldest first, that have the same result and no other success between them. A result is the same as the chain's where it
 * shares a digest with any of them: those of a rotation join what came before it to what came after.
 */
function unbroken(
  outcomes: readonly PhaseFact[],
  others: readonly number[],
): { readonly chain: readonly PhaseFact[]; readonly incomparable: number } {
  const last = outcomes.at(-1);
  if (last === undefined || last.results.length === 0) return { chain: [], incomparable: 0 };
  const lastOther = others.findLast((offset) => offset < last.offset) ?? -1;
  const results = [...last.results];
  for (let at = outcomes.length - 2; at >= 0; at--) {
    const fact = outcomes[at];
    if (fact === undefined || fact.offset < lastOther) return { chain: outcomes.slice(at + 1), incomparable: 0 };
    const likeness = compareDigests(fact.results, results);
    if (likeness !== 'same') return { chain: outcomes.slice(at + 1), incomparable: likeness === 'incomparable' ? 1 : 0 };
    for (const digest of fact.results) if (!results.includes(digest)) results.push(digest);
  }
  return { chain: outcomes, incomparable: 0 };
}

/** n is threshold · 2^k. */
function isMultiple(n: number, threshold: number): boolean {
  const ratio = n / threshold;
  return ratio >= 1 && Number.isInteger(Math.log2(ratio));
}

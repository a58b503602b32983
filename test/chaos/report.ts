/** What a run came to, in lines that a person reads. */
import { percentile } from '../bench/measure/spread.ts';
import type { FaultReport, RoundReport } from './round.ts';

const seconds = (ms: number | undefined) => (ms === undefined ? 'never' : `${(ms / 1000).toFixed(1)} s`);

export function faultLine({ kind, at, lasted, judgedAfter, storedAfter }: FaultReport): string {
  return `${seconds(at).padStart(8)}  ${kind.padEnd(34)} over after ${seconds(lasted).padStart(6)}   judged after ${seconds(judgedAfter).padStart(6)}   stored after ${seconds(storedAfter).padStart(6)}`;
}

export interface KindSummary {
  readonly kind: string;
  readonly times: number;
  readonly kills: number;
  /** From the fault's beginning until all was judged, ms. */
  readonly median: number;
  readonly worst: number;
}

export function byKind(rounds: readonly RoundReport[]): readonly KindSummary[] {
  const faults = rounds.flatMap((round) => round.faults);
  return [...new Set(faults.map(({ kind }) => kind))].sort().map((kind) => {
    const of = faults.filter((fault) => fault.kind === kind);
    const sorted = of.map(({ judgedAfter }) => judgedAfter ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
    const kills = of.reduce((sum, fault) => sum + fault.kills, 0);
    return { kind, times: of.length, kills, median: percentile(sorted, 0.5), worst: sorted.at(-1) ?? Number.NaN };
  });
}

const MOST_DIFFERENCES = 20;

export function closingLines(rounds: readonly RoundReport[]): readonly string[] {
  const sum = (of: (round: RoundReport) => number) => rounds.reduce((total, round) => total + of(round), 0);
  const differences = rounds.flatMap((round) => round.differences.map((difference) => `seed ${round.seed}: ${difference}`));
  const ownEnds = rounds.flatMap((round) => round.ownEnds);
  return [
    'from its beginning until all was judged          times  kills    median     worst',
    ...byKind(rounds).map(
      ({ kind, times, kills, median, worst }) =>
        `  ${kind.padEnd(46)} ${String(times).padStart(5)}  ${String(kills).padStart(5)}  ${seconds(median).padStart(8)}  ${seconds(worst).padStart(8)}`,
    ),
    `${sum(({ kills }) => kills)} kills, ${sum(({ faults }) => faults.length)} faults, ${sum(({ seconds: s }) => s)} s`,
    `${sum(({ records }) => records)} records: ${sum(({ events }) => events)} events, ${sum(({ redeliveries }) => redeliveries)} redeliveries, ${sum(({ deadLetters }) => deadLetters)} dead letters`,
    `${sum(({ alerts }) => alerts)} alerts in ${sum(({ revisions }) => revisions)} revisions; ${sum(({ acknowledged }) => acknowledged)} events were acknowledged`,
    ...ownEnds.map(({ name, code, output }) => `${name} ended by itself with ${code}: ${output.trim().split('\n').at(-1) ?? ''}`),
    ...differences.slice(0, MOST_DIFFERENCES),
    `${differences.length} differences`,
  ];
}

/** Subjects side by side on one topic: each once a round, in turn, so that all see the machine's good and bad minutes. */
import type { Progress } from '../measure/progress.ts';
import { type Spread, spreadOf } from '../measure/spread.ts';
import { shown } from '../measure/table.ts';
import { measure, type Run } from './measure.ts';
import type { LoadedTopic, Stage } from './stage.ts';
import type { Subject } from './subject.ts';

export interface Comparison {
  readonly subjects: readonly SubjectFigures[];
  readonly ratios: readonly Ratio[];
  readonly runs: readonly Run[];
}

export interface SubjectFigures {
  readonly subject: string;
  readonly runs: number;
  readonly eventsPerSecond: Spread;
  readonly warmEventsPerSecond: Spread;
  readonly cpuSecondsPerMillion: { readonly subject: number; readonly broker: number; readonly redis: number };
  readonly peakResidentMib: { readonly subject: number; readonly broker: number; readonly redis: number };
}

/** Of rates within one round, so that a slow minute slows both sides. */
export interface Ratio {
  readonly of: string;
  readonly to: string;
  readonly whole: Spread;
  readonly warm: Spread;
}

export interface CompareOptions {
  readonly subjects: readonly Subject[];
  readonly rounds: number;
  /** Of which subjects' rates; a pair of which one is not measured is left out. */
  readonly ratios: readonly (readonly [of: string, to: string])[];
  readonly label: string;
  readonly progress: Progress;
  /** Told of each run, for what wants to know it before the next. */
  readonly onRun?: (run: Run) => void;
}

export async function compare(stage: Stage, topic: LoadedTopic, options: CompareOptions): Promise<Comparison> {
  const { subjects, rounds, label, progress } = options;
  const byRound: Run[][] = [];
  for (let round = 1; round <= rounds; round++) {
    const runs: Run[] = [];
    for (const [at, subject] of subjects.entries()) {
      const what = `${label}, round ${round} of ${rounds}, ${subject.name}`;
      const run = await measure(stage, topic, subject, {
        run: `${label}-${round}-${at}`.replaceAll(/[^A-Za-z0-9-]/g, '-'),
        onProgress: (records) => progress.of(what, records, topic.data.events),
      });
      refuseWrong(run);
      options.onRun?.(run);
      runs.push(run);
      progress.step(`${what}: ${shown(run.eventsPerSecond)} events/s, warm ${shown(run.warmEventsPerSecond)}`);
    }
    byRound.push(runs);
  }
  const runs = byRound.flat();
  const measured = new Set(runs.map(({ subject }) => subject));
  return {
    subjects: subjects.map(({ name }) => figuresOf(name, runs)),
    ratios: options.ratios.filter((pair) => pair.every((name) => measured.has(name))).map(([of, to]) => ratioOf(of, to, byRound)),
    runs,
  };
}

/** A figure of a subject that gave another answer is no figure. */
function refuseWrong({ subject, answer }: Run): void {
  if (answer === undefined || (answer.missing === 0 && answer.unexpected === 0 && answer.twice === 0)) return;
  throw new Error(
    `${subject} gave a wrong answer: ${answer.missing} missing, ${answer.unexpected} not expected, ${answer.twice} twice, of ${answer.found}.`,
  );
}

function figuresOf(subject: string, all: readonly Run[]): SubjectFigures {
  const runs = all.filter((run) => run.subject === subject);
  const middle = (pick: (run: Run) => number) => spreadOf(runs.map(pick)).median;
  const three = (pick: (run: Run) => Run['peakResidentMib']) => ({
    subject: middle((run) => pick(run).subject),
    broker: middle((run) => pick(run).broker),
    redis: middle((run) => pick(run).redis),
  });
  return {
    subject,
    runs: runs.length,
    eventsPerSecond: spreadOf(runs.map((run) => run.eventsPerSecond)),
    warmEventsPerSecond: spreadOf(runs.map((run) => run.warmEventsPerSecond)),
    cpuSecondsPerMillion: three((run) => run.cpuSecondsPerMillion),
    peakResidentMib: three((run) => run.peakResidentMib),
  };
}

function ratioOf(of: string, to: string, rounds: readonly (readonly Run[])[]): Ratio {
  const each = (pick: (run: Run) => number) =>
    spreadOf(
      rounds.map((runs) => {
        const [a, b] = [of, to].map((name) => runs.find(({ subject }) => subject === name));
        return a === undefined || b === undefined ? Number.NaN : pick(a) / pick(b);
      }),
    );
  return { of, to, whole: each((run) => run.eventsPerSecond), warm: each((run) => run.warmEventsPerSecond) };
}

/** `idemtrace dead-letters list | show | redrive`: records that could not be judged, for operators: they are of every tenant. */
import { nearestWord } from '@idemtrace/detector/policy';
import type { Position } from '@idemtrace/stream';
import type { Config } from '../config/index.ts';
import { type LetterFilter, letterAt, parsePosition, positionText, readLetters, type StandingLetter } from '../dead-letters/letters.ts';
import { isLetterReason, LETTER_REASONS } from '../dead-letters/reasons.ts';
import { type Redriven, redrive } from '../dead-letters/redrive.ts';
import {
  LETTER_HEADINGS,
  letterCells,
  letterFields,
  letterText,
  listedFields,
  redrivenFields,
  redrivenText,
} from '../dead-letters/tell.ts';
import { verdictsOn } from '../dead-letters/verdict.ts';
import { CommandError, EXIT } from '../output/command-error.ts';
import { table } from '../output/table.ts';
import { openStore, reached, type Store } from '../pipeline/store.ts';
import { type CommonOptions, type Context, configure } from './context.ts';
import { pastTime, wholeNumber } from './option-values.ts';

interface FilterOptions extends CommonOptions {
  readonly reason?: string;
  readonly since?: string;
}

export async function listCommand(context: Context, options: FilterOptions & { readonly limit: string }): Promise<number> {
  const { screen } = context;
  const limit = wholeNumber('--limit', options.limit, { least: 1, most: 100_000 });
  const filter = filterOf(options, Date.now());
  return withLetters(context, options, async (store, topic) => {
    let newest: StandingLetter[] = [];
    let [matching, others] = [0, 0];
    for await (const standing of readLetters(store, topic, filter, () => others++)) {
      matching += 1;
      newest.push(withoutBytes(standing));
      if (newest.length >= 2 * limit) newest = latest(newest, limit);
    }
    const shown = latest(newest, limit);
    if (options.json === true) for (const standing of shown) screen.print(JSON.stringify(listedFields(standing)));
    else if (shown.length > 0) screen.print(table(LETTER_HEADINGS, shown.map(letterCells)));
    else screen.note(`No dead letters on ${topic}${filter.reason === undefined ? '' : ` of reason ${filter.reason}`}.`);
    if (matching > shown.length) screen.note(`${matching - shown.length} older ones are not shown: --limit.`);
    if (others > 0) screen.note(`${others} records on ${topic} are no dead letters.`);
    return EXIT.ok;
  });
}

function latest(letters: readonly StandingLetter[], limit: number): StandingLetter[] {
  return letters.toSorted((a, b) => a.since - b.since || a.partition - b.partition || a.offset - b.offset).slice(-limit);
}

/** A list of thousands must not hold their values. */
function withoutBytes(standing: StandingLetter): StandingLetter {
  return { ...standing, letter: { ...standing.letter, key: null, value: null, headers: [] } };
}

export async function showCommand(context: Context, place: string, options: CommonOptions & { readonly bytes?: boolean }): Promise<number> {
  const { screen } = context;
  const position = positionOf(place);
  return withLetters(context, options, async (store, topic, config) => {
    const standing = await found(store, topic, position);
    const [verdict] = await verdictsOn([standing], { ...judgedBy(config), codec: store.codec, now: Date.now() });
    if (verdict === undefined) throw new Error('There is no verdict on the letter.');
    const told = { bytes: options.bytes === true };
    screen.print(options.json === true ? JSON.stringify(letterFields(standing, verdict, told)) : letterText(standing, verdict, told));
    return EXIT.ok;
  });
}

export interface RedriveCommandOptions extends FilterOptions {
  readonly dryRun?: boolean;
}

export async function redriveCommand(context: Context, places: readonly string[], options: RedriveCommandOptions): Promise<number> {
  const { screen } = context;
  const positions = places.map(positionOf);
  const filter = filterOf(options, Date.now());
  if (positions.length === 0 && filter.reason === undefined)
    throw new CommandError('invalid_input', 'Say which: PARTITION:OFFSET as `dead-letters list` shows them, or --reason.');
  if (positions.length > 0 && (filter.reason !== undefined || filter.since !== undefined))
    throw new CommandError('invalid_input', 'Say which either by PARTITION:OFFSET, or by --reason and --since.');
  return withLetters(context, options, async (store, topic, config) => {
    const letters = positions.length > 0 ? lettersAt(store, topic, positions) : readLetters(store, topic, filter);
    const dryRun = options.dryRun === true;
    const counts: Record<Redriven['outcome'], number> = { put_back: 0, valid: 0, refused: 0 };
    try {
      for await (const redriven of redrive(store, letters, { ...judgedBy(config), clock: Date.now, dryRun })) {
        counts[redriven.outcome] += 1;
        screen.print(options.json === true ? JSON.stringify(redrivenFields(redriven)) : redrivenText(redriven));
      }
    } finally {
      const done = dryRun
        ? `${counts.valid} can be put back onto ${config.topics.events}`
        : `${counts.put_back} put back onto ${config.topics.events}`;
      screen.note(`${done}, ${counts.refused} not.`);
    }
    return counts.refused === 0 ? EXIT.ok : EXIT.findings;
  });
}

/** Every one is found before the first is looked at: a mistyped place changes nothing. */
async function* lettersAt(store: Store, topic: string, positions: readonly Position[]): AsyncGenerator<StandingLetter> {
  const letters: StandingLetter[] = [];
  for (const position of positions) letters.push(await found(store, topic, position));
  yield* letters;
}

async function found(store: Store, topic: string, position: Position): Promise<StandingLetter> {
  const standing = await letterAt(store, topic, position);
  if (standing !== undefined) return standing;
  throw new CommandError(
    'not_found',
    `There is no dead letter at ${positionText(position)} of ${topic}: \`idemtrace dead-letters list\` shows what there is.`,
  );
}

function judgedBy({ topics, window }: Config) {
  return { eventsTopic: topics.events, windowMs: window.length };
}

async function withLetters(
  context: Context,
  options: CommonOptions,
  work: (store: Store, topic: string, config: Config) => Promise<number>,
): Promise<number> {
  const { config } = configure(context, options);
  const store = await openStore(config);
  try {
    return await reached('The log or the schema registry', () => work(store, config.topics.deadLetters, config));
  } finally {
    await store.close();
  }
}

function positionOf(place: string): Position {
  const position = parsePosition(place);
  if (position !== undefined) return position;
  throw new CommandError(
    'invalid_input',
    `${place} is no place of a dead letter: write PARTITION:OFFSET as \`dead-letters list\` shows it, e.g. 3:17.`,
  );
}

function filterOf({ reason, since }: FilterOptions, now: number): LetterFilter {
  if (reason !== undefined && !isLetterReason(reason)) {
    const meant = nearestWord(reason, LETTER_REASONS);
    const hint = meant === undefined ? `There are ${LETTER_REASONS.join(', ')}.` : `Did you mean ${meant}?`;
    throw new CommandError('invalid_input', `--reason ${reason} is no reason of a dead letter. ${hint}`);
  }
  return { reason, since: since === undefined ? undefined : pastTime('--since', since, now) };
}

/**
 * Puts records of dead letters back onto the topic that they came from, once what was wrong with them is mended. Key, value and headers are as they
 * were, so the event's identity is: put back twice within a window, the second is a redelivery, and nothing is judged twice. Its position and
 * log time are new: it is judged as if it came then.
 */
import type { NewRecord, Position } from '@idemtrace/stream';
import type { Store } from '../pipeline/store.ts';
import type { StandingLetter } from './letters.ts';
import { type Hindrance, type VerdictOptions, verdictsOn } from './verdict.ts';

/** Header that names the place of the record that was put back: `topic/partition/offset`. No agent can set it: theirs have no capitals. */
export const REDRIVE_HEADER = 'redriveOf';

export type Redriven = { readonly standing: StandingLetter; readonly remark?: string } & (
  | { readonly outcome: 'put_back'; readonly position: Position }
  /** Of a dry run: it can be put back. */
  | { readonly outcome: 'valid' }
  | { readonly outcome: 'refused'; readonly hindrance: Hindrance }
);

export interface RedriveOptions extends Omit<VerdictOptions, 'codec' | 'now'> {
  /** ms since the epoch. */
  readonly clock: () => number;
  /** Nothing is appended. */
  readonly dryRun: boolean;
}

/** So many are looked at and appended together, at most. */
const SLICE_LETTERS = 200;
const SLICE_BYTES = 1_048_576;

/**
 * Answers each letter, in order. Those that cannot be put back are left where they are, and hinder no other. Rejects where log or registry is away:
 * what was answered until then is done, and to call again is safe.
 */
export async function* redrive(store: Store, letters: AsyncIterable<StandingLetter>, options: RedriveOptions): AsyncGenerator<Redriven> {
  let slice: StandingLetter[] = [];
  let bytes = 0;
  for await (const standing of letters) {
    slice.push(standing);
    bytes += standing.letter.valueBytes;
    if (slice.length < SLICE_LETTERS && bytes < SLICE_BYTES) continue;
    yield* redriveSlice(store, slice, options);
    slice = [];
    bytes = 0;
  }
  yield* redriveSlice(store, slice, options);
}

async function* redriveSlice({ log, codec }: Store, slice: readonly StandingLetter[], options: RedriveOptions): AsyncGenerator<Redriven> {
  const { clock, dryRun, eventsTopic } = options;
  const verdicts = await verdictsOn(slice, { ...options, codec, now: clock() });
  const valid = slice.filter((_, index) => verdicts[index]?.valid === true);
  const positions = dryRun || valid.length === 0 ? [] : await log.append(eventsTopic, valid.map(recordOf));
  let appended = 0;
  for (const [index, standing] of slice.entries()) {
    const verdict = verdicts[index];
    if (verdict === undefined) throw new Error('There are fewer verdicts than letters.');
    const remark = verdict.valid && verdict.remark !== undefined ? { remark: verdict.remark } : {};
    if (!verdict.valid) yield { standing, outcome: 'refused', hindrance: verdict.hindrance };
    else if (dryRun) yield { standing, outcome: 'valid', ...remark };
    else {
      const position = positions[appended++];
      if (position === undefined) throw new Error('The log answered fewer positions than it was given records.');
      yield { standing, outcome: 'put_back', position, ...remark };
    }
  }
}

/** To the partition that it came from: there the other events of its workflow are, whichever way its emitter chose it. */
function recordOf({ letter }: StandingLetter): NewRecord {
  const { topic, partition, offset, key, value, headers } = letter;
  if (value === null) throw new Error('A record without a value was taken for valid.');
  return {
    key,
    value,
    partition,
    headers: {
      ...Object.fromEntries(headers.map((header) => [header.name, header.value])),
      [REDRIVE_HEADER]: Buffer.from(`${topic}/${partition}/${offset}`),
    },
  };
}

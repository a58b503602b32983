/** Whether a dead letter's record can be put back: what would become of it now. */
import { type AnyRecord, type Codec, type Decoded, EVENT_NAMES, UNKNOWN_SCHEMA_MS } from '@idemtrace/schemas';
import type { StandingLetter } from './letters.ts';

/**
 * - `cut`: the letter does not hold the whole record
 * - `other_topic`: the record came from elsewhere than the topic whose records are judged
 * - `too_early`: detectors may still take what was wrong for wrong
 * - `in_window`: the event that it conflicts with is still remembered
 * - `judged_before`: it was judged when it came, and would be judged again
 * - any other: the reason that makes it a dead letter still, as the codec has it
 */
export type Hindrance = { readonly reason: string; readonly detail: string };

export type Verdict =
  | { readonly valid: true; readonly record: AnyRecord; readonly remark?: string }
  /** `record` where it can be decoded all the same. */
  | { readonly valid: false; readonly hindrance: Hindrance; readonly record?: AnyRecord };

export interface VerdictOptions {
  readonly codec: Pick<Codec, 'decode'>;
  /** The topic whose records are judged. */
  readonly eventsTopic: string;
  readonly windowMs: number;
  /** ms since the epoch. */
  readonly now: number;
}

/** One verdict a letter, in order. Rejects with RegistryError (`away`) where a schema cannot be asked for. */
export async function verdictsOn(letters: readonly StandingLetter[], options: VerdictOptions): Promise<readonly Verdict[]> {
  const decoded = await options.codec.decode(letters.map(({ letter }) => letter));
  return letters.map((standing, index) => verdictOn(standing, decoded[index], options));
}

function verdictOn(standing: StandingLetter, decoded: Decoded | undefined, options: VerdictOptions): Verdict {
  const { letter } = standing;
  if (decoded === undefined) throw new Error('The codec answered fewer records than it was given.');
  const record = decoded.ok ? decoded.record : undefined;
  const no = (reason: string, detail: string): Verdict => ({
    valid: false,
    hindrance: { reason, detail },
    ...(record !== undefined && { record }),
  });
  if (letter.valueTruncated) return no('cut', 'the dead letter holds only a part of the record: it can never be put back');
  if (!decoded.ok) return no(decoded.reason, decoded.detail);
  if (letter.topic !== options.eventsTopic)
    return no(
      'other_topic',
      `it came from ${letter.topic}: only records of ${options.eventsTopic} are judged, and whoever reads another topic has had it`,
    );
  if (!EVENT_NAMES.some((name) => name === decoded.record.name))
    return no('unexpected_record', `a ${decoded.record.name} has no place on the events topic`);
  const hindrance = hindranceOfTime(standing, options);
  if (hindrance !== undefined) return no(hindrance.reason, hindrance.detail);
  return { valid: true, record: decoded.record, ...(letter.reason === 'identity_conflict' && { remark: SECOND_EVENT }) };
}

const SECOND_EVENT = 'judged as an event of its own: the one of the same identity that came before it was judged, too';

/** What only waiting mends, or what waiting has made impossible. */
function hindranceOfTime({ letter, since }: StandingLetter, { windowMs, now }: VerdictOptions): Hindrance | undefined {
  // At the latest then: the event that it conflicts with came before it.
  const forgottenAt = letter.logTime + windowMs;
  switch (letter.reason) {
    case 'unknown_schema': {
      const askedAgain = since + UNKNOWN_SCHEMA_MS;
      if (now >= askedAgain) return undefined;
      return { reason: 'too_early', detail: `detectors may believe until ${timeOf(askedAgain)} that there is no such schema` };
    }
    case 'identity_conflict':
      if (now > forgottenAt) return undefined;
      return {
        reason: 'in_window',
        detail: `the event of the same identity that came before it is remembered until ${timeOf(forgottenAt)}, and it would be a dead letter again`,
      };
    case 'lineage_refused':
      if (now <= forgottenAt) return undefined;
      return { reason: 'judged_before', detail: 'it was judged when it came, and has left the window: it would be judged a second time' };
    default:
      return undefined;
  }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

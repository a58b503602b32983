/** Every reason of a dead letter, with its sentence and what to do about it. */
import { INVALID_REASONS, type InvalidReason } from '@idemtrace/schemas';

/** What the codec says, and what detector and lineage sink add behind it. */
export type LetterReason = InvalidReason | 'identity_conflict' | 'lineage_refused';

export const SENTENCES: Readonly<Record<LetterReason, string>> = {
  ...INVALID_REASONS,
  identity_conflict: 'An event of the same identity and other content came before it.',
  lineage_refused: 'The event was judged, but ClickHouse takes no row of it.',
};

const BYTES = 'Mend what wrote it: these bytes are no record, and stay so. The event itself is lost unless its emitter sends it again.';
const VALUE =
  'Mend the emitter: the event breaks a bound that every event must keep. Only a version of idemtrace with another bound would take it: then redrive it.';
const VERSION =
  'Its writer may be of a newer version: bring the detectors to that version, then redrive it. Else mend what writes to the topic.';

/** A reason without an entry does not compile. */
export const MENDING: Readonly<Record<LetterReason, string>> = {
  no_value: BYTES,
  too_large: VALUE,
  bad_magic: BYTES,
  unknown_schema:
    'Register the schema that its writer used (`idemtrace topics create`, in the writer’s version), and redrive it a minute later: for so long detectors believe an id to be unknown.',
  unsupported_schema: VERSION,
  incompatible_schema: VERSION,
  unexpected_record: VERSION,
  truncated: BYTES,
  trailing_bytes: BYTES,
  bad_varint: BYTES,
  number_out_of_range: VALUE,
  negative_length: BYTES,
  bad_union_index: BYTES,
  bad_enum_index: BYTES,
  bad_boolean: BYTES,
  bad_block: BYTES,
  bad_utf8: BYTES,
  too_many_items: VALUE,
  wrong_shape: VALUE,
  not_well_formed: VALUE,
  empty_id: VALUE,
  id_too_long: VALUE,
  control_character: VALUE,
  too_long: VALUE,
  bad_uuid: VALUE,
  bad_trace_id: VALUE,
  bad_digest: VALUE,
  duplicate_hash_key: VALUE,
  missing_hash_key: VALUE,
  below_minimum: VALUE,
  not_finite: VALUE,
  time_out_of_bounds: VALUE,
  unspecified_phase: VERSION,
  inconsistent_outcome: VALUE,
  inconsistent_hash: VALUE,
  key_mismatch:
    'Mend the emitter: the key of a record is its tenant and workflow, each percent-encoded, joined by a slash. A redrive keeps the key, so it does not help.',
  identity_conflict:
    'Find out why two events say different things of one identity: an id that is used again, or an emitter that sends twice under other settings. A redrive means that this one is judged as well, as an event of its own: possible once the first has left the window, before that it would be a dead letter again.',
  lineage_refused:
    'Only its row is missing: see `idemtrace doctor` and `idemtrace lineage migrate`, then redrive it while it is in the window, where the detector knows it for a redelivery.',
};

export const LETTER_REASONS = Object.keys(MENDING) as readonly LetterReason[];

/** Its sentence; a newer version may have reasons that this one does not know. */
export function sentenceOf(reason: string): string {
  return isLetterReason(reason) ? SENTENCES[reason] : 'A reason that this version of idemtrace does not know.';
}

export function mendingOf(reason: string): string {
  return isLetterReason(reason) ? MENDING[reason] : 'Ask with the version of idemtrace that wrote the dead letter.';
}

export function isLetterReason(reason: string): reason is LetterReason {
  return Object.hasOwn(MENDING, reason);
}

import type { RecordName, RecordTypes } from './generated/types.ts';

/** A decoded record with the name of its schema. */
export type AnyRecord = { [N in RecordName]: { readonly name: N; readonly value: RecordTypes[N] } }[RecordName];

/** Why bytes are no record, or a record is none to be judged. Stable: they are the reasons of dead letters. */
export type InvalidReason = string;

export type Decoded =
  | { readonly ok: true; readonly record: AnyRecord }
  | { readonly ok: false; readonly reason: InvalidReason; readonly detail: string };

// Generated from schemas/avro by `pnpm generate`. Do not edit.
import type { RecordName } from './types.ts';

export interface ReleasedSchema {
  readonly version: string;
  /** The record; of a release it need not be one of today's. */
  readonly name: string;
  readonly id: number;
  readonly schema: string;
}

/** Ids of the current schemas where no registry gives them. */
export const SCHEMA_IDS: Readonly<Record<RecordName, number>> = {
  Alert: 729337302,
  ClockTick: 636071769,
  DeadLetter: 1094145919,
  RetrievalEvent: 246743518,
  RunEvent: 1905029765,
  ToolCallEvent: 342267617,
};

/** The schemas of every release, oldest first. */
export const RELEASED: readonly ReleasedSchema[] = [
];

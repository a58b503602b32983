import type { InvalidReason } from './validity.ts';

/** One thing that is wrong: which field, which bound; never the value, since arguments and keys must not reach logs or dead letters. */
export interface Fault<R extends InvalidReason = InvalidReason> {
  readonly reason: R;
  /** Path of the field, e.g. `argumentDigests[3].digest`; empty for the record as a whole. */
  readonly field: string;
  readonly bound: string;
}

/** Most faults listed of one record: enough to mend it by, and no way to turn a small request into a large answer. */
export const MAX_FAULTS = 50;

/** Puts a field's name or index before the paths of the faults from `start` on: paths are built on the way out, so only faults cost text. */
export function prefixFaults<R extends InvalidReason>(faults: Fault<R>[], start: number, name: string): void {
  for (let i = start; i < faults.length; i++) {
    const fault = faults[i] as Fault<R>;
    const separator = fault.field === '' || fault.field.startsWith('[') ? '' : '.';
    faults[i] = { ...fault, field: `${name}${separator}${fault.field}` };
  }
}

export function describeFault({ field, bound }: Fault): string {
  return field === '' ? bound : `${field}: ${bound}`;
}

import type { AnyRecord, Decoded } from './codec.ts';
import { shapeOf } from './codec.ts';
import type { Fault } from './faults.ts';
import { describeFault, MAX_FAULTS } from './faults.ts';
import type { RecordName, RecordTypes } from './generated/types.ts';
import type { ValueReason } from './validity.ts';
import { BOUNDS } from './validity.ts';

/** The JSON form of a record's value: bytes in base64, all else as it is. */
export function toJson(record: AnyRecord): Readonly<Record<string, unknown>> {
  return shapeOf(record.name).toJson(record.value) as Readonly<Record<string, unknown>>;
}

/**
 * Makes a record of its JSON form. Missing fields take their schema's defaults; unknown ones are mistakes. `reason` is that of the first
 * mistake, `detail` lists them all (at most 50) by field and bound, never a value.
 */
export function fromJson<N extends RecordName>(name: N, json: unknown): Decoded {
  const faults: Fault<ValueReason>[] = [];
  const value = shapeOf(name).fromJson(json, faults) as RecordTypes[N];
  if (faults.length === 0) BOUNDS[name].run(value, faults);
  const [first] = faults;
  if (first === undefined) return { ok: true, record: { name, value } as unknown as AnyRecord };
  const told = faults.slice(0, MAX_FAULTS);
  return { ok: false, reason: first.reason, detail: told.map(describeFault).join('; '), faults: told };
}

/** Records that an emitter sends. */
export const EVENT_NAMES = ['RunEvent', 'ToolCallEvent', 'RetrievalEvent'] as const satisfies readonly RecordName[];
export type EventName = (typeof EVENT_NAMES)[number];

/** An event as it was posted: `fromJson` for a name that is not trusted either. */
export function parseEvent(name: unknown, json: unknown): Decoded {
  const event = EVENT_NAMES.find((candidate) => candidate === name);
  if (event === undefined) return { ok: false, reason: 'unexpected_record', detail: `name: not one of ${EVENT_NAMES.join(', ')}` };
  return fromJson(event, json);
}

/** A line of a recording, as a zod schema and the types inferred from it: one JSON object a line, unknown fields are an error. */
import { z } from 'zod';

/** The largest value of an Avro int: attempts and steps travel as one. */
const MAX_INT = 2_147_483_647;

/** What every event asks of a name: a longer one, or one with a control character, would be a dead letter later. */
const MAX_NAME = 512;
const CONTROL = /\p{Cc}/u;

const text = z
  .string()
  .min(1)
  .refine((value) => value.isWellFormed(), 'must be well-formed Unicode');
const name = text.max(MAX_NAME).refine((value) => !CONTROL.test(value), 'must be free of control characters');
const wholeFrom = (least: number) => z.int().min(least).max(MAX_INT);
const uuid = z.guid();
/** RFC 3339. Lower-case `t` and `z` are allowed there, so they are here. */
const time = z.string().refine((value) => timeOf(value) !== undefined, 'must be an RFC 3339 time with an offset, from 2000 to before 2100');

/** An effect key as code declares it: an id, or an object that also names effect and scope. */
const effectKey = z.union([text, z.strictObject({ id: text, effect: name.optional(), scope: z.enum(['workflow', 'tenant']).optional() })]);

const scope = {
  tenantId: name,
  workflowId: name,
  runId: name,
  attempt: wholeFrom(1),
  stepIndex: wholeFrom(0),
  agentId: name.optional(),
  conversationId: name.optional(),
  toolCallId: name.optional(),
  executionId: uuid.optional(),
  occurredAt: time.optional(),
  durationMs: z.number().min(0).max(MAX_INT).optional(),
};

export const recordedToolCall = z.strictObject({
  kind: z.literal('tool_call'),
  ...scope,
  tool: name,
  arguments: z.unknown(),
  effect: z.enum(['read', 'idempotent_write', 'write', 'delegate']).optional(),
  effectKey: effectKey.optional(),
  occurrence: text.optional(),
  approvalId: text.optional(),
  status: z.enum(['succeeded', 'failed', 'unknown']),
  result: z.unknown().optional(),
  error: z.string().optional(),
  /** Retrieval ids, as the lines of the retrievals give them. */
  groundedOn: z.array(name).optional(),
});

export const recordedRetrieval = z.strictObject({
  kind: z.literal('retrieval'),
  ...scope,
  retrievalId: name.optional(),
  dataSource: name,
  query: z.unknown(),
  documents: z.array(z.strictObject({ id: name, tenantId: name.optional(), score: z.number().optional() })),
});

export const recordedLine = z.discriminatedUnion('kind', [recordedToolCall, recordedRetrieval]);

export type RecordedToolCall = z.infer<typeof recordedToolCall>;
export type RecordedRetrieval = z.infer<typeof recordedRetrieval>;
export type RecordedLine = RecordedToolCall | RecordedRetrieval;
export type RecordedStatus = RecordedToolCall['status'];

/** A line with its place in the file, from 1. */
export interface NumberedLine {
  readonly number: number;
  readonly value: RecordedLine;
}

const RFC_3339 = /^\d{4}-(\d{2})-(\d{2})[Tt ](\d{2}):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** The years that an event's clock may be in. */
const FIRST_YEAR = 2000;
const END_YEAR = 2100;

/** An RFC 3339 time as ms since the epoch, what is finer cut off; undefined where the text is none, or out of an event's bounds. */
export function timeOf(text: string): number | undefined {
  const parts = RFC_3339.exec(text);
  if (parts === null) return undefined;
  const [, month, day] = parts.map(Number);
  if (day === undefined || month === undefined || day < 1 || day > (DAYS[month - 1] ?? 0)) return undefined;
  const time = Date.parse(text.toUpperCase().replace(' ', 'T'));
  // A 29th of February that the year does not have rolls over into March.
  if (Number.isNaN(time) || (month === 2 && day === 29 && !isLeapYear(Number(text.slice(0, 4))))) return undefined;
  return time >= Date.UTC(FIRST_YEAR, 0) && time < Date.UTC(END_YEAR, 0) ? time : undefined;
}

function isLeapYear(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

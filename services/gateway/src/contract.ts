/** Bodies of requests and answers, as zod schemas: the types that the code answers with, and what the OpenAPI document says. */
import { z } from '@hono/zod-openapi';
import { EVENT_VALUES } from './event-schemas.ts';
import { MOST_EVENTS, MOST_HEADER_BYTES, MOST_HEADERS, MOST_MISTAKES } from './limits.ts';
import { PROBLEMS, type ProblemCode } from './problems.ts';

const recordHeaders = z
  .record(z.string(), z.string())
  .optional()
  .describe(
    `Headers of the record: at most ${MOST_HEADERS}, ${MOST_HEADER_BYTES} bytes together; names of a-z, 0-9 and -. E.g. \`traceparent\`, or \`idemtrace-token\` on a run's first event.`,
  );

const events = EVENT_VALUES.map(({ name, value }) =>
  z.strictObject({ name: z.literal(name), value, headers: recordHeaders }).openapi(`Posted${name}`),
);

export const BATCH_EXAMPLE = {
  events: [
    {
      name: 'RunEvent',
      value: {
        tenantId: 'acme',
        workflowId: 'invoice-run-2026-01',
        runId: 'run-1',
        attempt: 1,
        phase: 'started',
        occurredAt: 1_767_225_600_000,
        emitterId: '019b7000-0000-7000-8000-000000000001',
        sequence: 0,
      },
      headers: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
    },
  ],
};

export const batchSchema = z
  .strictObject({ events: z.array(z.union(events)).max(MOST_EVENTS).describe('In the order in which they happened.') })
  .openapi('Batch', { example: BATCH_EXAMPLE });

export const avroBatchSchema = z.string().openapi('AvroBatch', {
  format: 'binary',
  description:
    'Frames, one after another: length of the value (32 bits), the value (Confluent’s wire format: byte 0, schema id in 32 bits, Avro body), number of headers (16 bits), and for each header the length of its name (16 bits), name, length of its value (16 bits), value. Numbers are unsigned and big-endian.',
});

export const acceptedSchema = z
  .strictObject({ accepted: z.int().min(0).max(MOST_EVENTS).describe('Events that are in the log now: all of the batch.') })
  .openapi('Accepted', { example: { accepted: 1 } });

const mistakeSchema = z
  .strictObject({
    index: z.int().min(0).describe('Of the event in the batch, from 0.'),
    path: z.string().describe('Of the field, e.g. `events[3].value.attempt`.'),
    reason: z.string().describe('A stable word: the reasons of dead letters, and `bad_frame`, `foreign_tenant`.'),
    message: z.string().describe('Which bound; never a value.'),
  })
  .openapi('Mistake');

export const problemSchema = z
  .strictObject({
    error: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
    detail: z.string(),
    errors: z.array(mistakeSchema).max(MOST_MISTAKES).optional(),
    omitted: z.int().min(1).optional().describe(`Mistakes beyond the first ${MOST_MISTAKES}.`),
  })
  .openapi('Problem');

export const healthSchema = z.strictObject({ ok: z.literal(true) }).openapi('Health');
export const readinessSchema = z
  .strictObject({ ready: z.boolean(), waitingFor: z.string().nullable().describe('What is away, where it is not ready.') })
  .openapi('Readiness');

export type ProblemBody = z.output<typeof problemSchema>;

/** The OpenAPI document. Answers to `POST /v1/events` come from the table of problems: what is not in it cannot be answered. */
import { OpenAPIHono, z } from '@hono/zod-openapi';
import { AVRO_BATCH } from './batch/avro.ts';
import { acceptedSchema, avroBatchSchema, batchSchema, healthSchema, problemSchema, readinessSchema } from './contract.ts';
import { MOST_BODY_BYTES, MOST_EVENTS } from './limits.ts';
import { PROBLEMS } from './problems.ts';

const json = (schema: z.ZodType) => ({ 'application/json': { schema } });
const requestId = { 'x-request-id': z.string().describe('Of the request: as it was sent, or made here. Faults are logged with it.') };
const retryAfter = { ...requestId, 'retry-after': z.string().describe('Seconds to wait before the batch is sent again.') };

function refusals() {
  const byStatus = Map.groupBy(Object.entries(PROBLEMS), ([, { status }]) => status);
  return Object.fromEntries(
    [...byStatus].map(([status, problems]) => [
      status,
      {
        description: problems.map(([code, { meaning }]) => `\`${code}\`: ${meaning}`).join(' '),
        headers: z.object(status === 429 || status === 503 ? retryAfter : requestId),
        content: json(problemSchema),
      },
    ]),
  );
}

/** OpenAPI 3.1, as a JSON value. */
export function openApiDocument(): object {
  const app = new OpenAPIHono();
  const { openAPIRegistry: registry } = app;
  registry.registerComponent('securitySchemes', 'tenantKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'A key belongs to one tenant; events of any other are refused.',
  });
  registry.registerPath({
    method: 'post',
    path: '/v1/events',
    operationId: 'postEvents',
    summary: 'Takes a batch of events, all or none.',
    description: `Answers once all of the batch is durable in the log. Sending a batch again does no harm: an event counts once, by its identity. At most ${MOST_EVENTS} events and ${MOST_BODY_BYTES} bytes, before and after decompression; \`content-encoding\` may be gzip or deflate.`,
    security: [{ tenantKey: [] }],
    request: {
      headers: z.object({ 'x-request-id': z.string().optional().describe('At most 128 of A-Z a-z 0-9 . _ -; else one is made.') }),
      body: { required: true, content: { ...json(batchSchema), [AVRO_BATCH]: { schema: avroBatchSchema } } },
    },
    responses: {
      200: { description: 'All of it is in the log.', headers: z.object(requestId), content: json(acceptedSchema) },
      ...refusals(),
    },
  });
  registry.registerPath({
    method: 'get',
    path: '/healthz',
    operationId: 'getHealth',
    summary: 'Whether the process answers.',
    responses: { 200: { description: 'It does.', content: json(healthSchema) } },
  });
  registry.registerPath({
    method: 'get',
    path: '/readyz',
    operationId: 'getReadiness',
    summary: 'Whether events that are sent now are taken.',
    responses: {
      200: { description: 'They are.', content: json(readinessSchema) },
      503: { description: 'They are not, or the process is about to end: send elsewhere.', content: json(readinessSchema) },
    },
  });
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'idemtrace gateway',
      version: '1',
      description: 'HTTP ingest of events for agents that do not write to the log themselves.',
    },
  });
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toJson } from '../../../schemas/src/json.ts';
import { arbitraryAnyRecord } from '../../../schemas/test/arbitraries.ts';
import { acceptedSchema, batchSchema, problemSchema } from '../src/contract.ts';
import { PROBLEMS } from '../src/problems.ts';
import { event, json, post, world } from './world.ts';

interface Operation {
  readonly requestBody: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly headers?: Readonly<Record<string, unknown>> }>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: { readonly '/v1/events': { readonly post: Operation }; readonly [path: string]: unknown };
  readonly components: { readonly schemas: Readonly<Record<string, { readonly example?: unknown; readonly properties?: object }>> };
}

async function document(): Promise<Document> {
  const response = await world().gateway.request('/openapi.json');
  expect(response.status).toBe(200);
  return (await response.json()) as Document;
}

test('the document’s example is accepted', async () => {
  const { components } = await document();
  const example = components.schemas.Batch?.example;
  expect(example).toBeDefined();
  expect(await post(world(), JSON.stringify(example))).toMatchObject({ status: 200, body: { accepted: 1 } });
});

test('every status that can be answered is documented, and none besides', async () => {
  const { paths } = await document();
  expect(Object.keys(paths).sort()).toEqual(['/healthz', '/readyz', '/v1/events']);
  const { responses } = paths['/v1/events'].post;
  const statuses = new Set(['200', ...Object.values(PROBLEMS).map(({ status }) => String(status))]);
  expect(Object.keys(responses).sort()).toEqual([...statuses].sort());
  for (const [code, { status, meaning }] of Object.entries(PROBLEMS))
    expect(responses[status]?.description).toContain(`\`${code}\`: ${meaning}`);
  for (const status of ['429', '503']) expect(Object.keys(responses[status]?.headers ?? {})).toContain('retry-after');
});

test('answers are what the document says they are', async () => {
  const it = world();
  expect(acceptedSchema.parse((await post(it, json(event()))).body)).toEqual({ accepted: 1 });
  const refusals = [
    post(it, json(event({ attempt: 0 }), 5)),
    post(it, json(event({ tenantId: 'globex' }))),
    post(it, 'no json'),
    post(it, '', { authorization: '' }),
    post(it, '', { 'content-type': 'text/plain' }),
  ];
  for (const refusal of await Promise.all(refusals)) {
    const { error } = problemSchema.parse(refusal.body);
    expect(PROBLEMS[error].status).toBe(refusal.status);
  }
});

test('every valid event is one by the document’s schema, and an unknown or missing field is none', async () => {
  fc.assert(
    fc.property(
      arbitraryAnyRecord().filter(({ name }) => ['RunEvent', 'ToolCallEvent', 'RetrievalEvent'].includes(name)),
      (record) => {
        const value = JSON.parse(JSON.stringify(toJson(record))) as Record<string, unknown>;
        const { tenantId: _, ...without } = value;
        const accepted = (each: object) => batchSchema.safeParse({ events: [{ name: record.name, value: each }] }).success;
        expect([accepted(value), accepted({ ...value, extra: 1 }), accepted(without)]).toEqual([true, false, false]);
      },
    ),
  );
});

test('the document tells the fields of events with what they mean', async () => {
  const { components } = await document();
  for (const name of ['RunEvent', 'ToolCallEvent', 'RetrievalEvent', 'KeyedDigest']) {
    expect(Object.keys(components.schemas[name]?.properties ?? {}).length).toBeGreaterThan(1);
  }
  expect(JSON.stringify(components.schemas.ToolCallEvent)).toContain('executionId');
});

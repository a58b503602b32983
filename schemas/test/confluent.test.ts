/** The adapter on a real registry of its own: subjects have fixed names, and some of these tests need a registry that has none of them. */
import { type Registry, startRegistry } from '@idemtrace/local-services';
import avro from 'avsc';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkSchemas, confluentRegistry, registerSchemas, subjectOf } from '../src/confluent/index.ts';
import { RECORD_NAMES } from '../src/current.ts';
import { SCHEMA_IDS } from '../src/generated/history.ts';
import { SCHEMAS } from '../src/generated/schemas.ts';
import { createCodec, fileRegistry, RegistryError, type RegistryErrorCode } from '../src/index.ts';
import { schemaJson } from './evolved.ts';
import { listen, proxyTo } from './registry-proxy.ts';
import { frame, raw, SAMPLES } from './wire.ts';

let service: Registry;
beforeAll(async () => {
  service = await startRegistry({ durable: true });
}, 120_000);
afterAll(() => service.stop());

/** What a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<RegistryErrorCode | undefined> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RegistryError);
  return error instanceof RegistryError ? error.code : undefined;
}

async function post(path: string, schema: string): Promise<{ readonly id: number }> {
  const answer = await fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema }),
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as { readonly id: number };
}

describe('before the schemas are registered', () => {
  test('every one is told as missing, and looking one up registers nothing', async () => {
    const registry = confluentRegistry(service);
    expect(await refusal(registry.idOf('RunEvent'))).toBe('not_registered');
    const findings = await checkSchemas(service);
    expect(findings.map(({ name, state, id }) => ({ name, state, id }))).toEqual(
      RECORD_NAMES.map((name) => ({ name, state: 'missing', id: undefined })),
    );
    expect(await (await fetch(`${service.url}/subjects`)).json()).toEqual([]);
  });

  test('a codec made too early reads, and says that it cannot write', async () => {
    const codec = await createCodec({ registry: confluentRegistry(service) });
    expect(() => codec.encode('ClockTick', SAMPLES.ClockTick)).toThrow(expect.objectContaining({ code: 'not_registered' }));
  });

  test('a subject that holds something else is refused by subject and field, and told as other versions', async () => {
    const subject = subjectOf('ClockTick');
    const fields = [{ name: 'occurredAt', type: 'string' }];
    await post(`/subjects/${subject}/versions`, JSON.stringify({ ...schemaJson('ClockTick'), fields }));
    const error = await registerSchemas(service).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'incompatible', message: expect.stringContaining(subject) });
    expect(String(error)).toContain('occurredAt: string cannot be read as long');
    expect((await checkSchemas(service)).find(({ name }) => name === 'ClockTick')).toMatchObject({
      state: 'other_versions',
      id: undefined,
    });
    for (const permanent of [false, true]) await fetch(`${service.url}/subjects/${subject}?permanent=${permanent}`, { method: 'DELETE' });
  });
});

describe('once they are registered', () => {
  beforeAll(() => registerSchemas(service));

  test('registering again gives the same ids and changes nothing', async () => {
    const again = await registerSchemas(service);
    expect(again.map(({ name, isNew }) => ({ name, isNew }))).toEqual(RECORD_NAMES.map((name) => ({ name, isNew: false })));
    const findings = await checkSchemas(service);
    expect(findings).toEqual(
      again.map(({ name, subject, id }) => ({ name, subject, id, state: 'registered', compatibility: 'FULL_TRANSITIVE' })),
    );
    expect(await (await fetch(`${service.url}/subjects/${subjectOf('Alert')}/versions`)).json()).toEqual([1]);
  });

  test('a later version that breaks the level is refused by the registry, with what does not fit', async () => {
    const { fields, ...json } = schemaJson('ClockTick');
    const schema = JSON.stringify({ ...json, fields: [...fields, { name: 'added', type: 'int' }] });
    const answer = await fetch(`${service.url}/subjects/${subjectOf('ClockTick')}/versions`, {
      method: 'POST',
      body: JSON.stringify({ schema }),
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    });
    expect(answer.status).toBe(409);
  });

  test('records written under the registry’s ids are read by whoever asks it, ids of the build differ', async () => {
    const codec = await createCodec({ registry: confluentRegistry(service) });
    const value = codec.encode('ToolCallEvent', SAMPLES.ToolCallEvent);
    expect(value.readInt32BE(1)).not.toBe(SCHEMA_IDS.ToolCallEvent);
    const other = await createCodec({ registry: confluentRegistry(service) });
    const record = { name: 'ToolCallEvent', value: SAMPLES.ToolCallEvent };
    expect(await other.decode([raw(value)])).toEqual([{ ok: true, record }]);
    const ofFiles = await createCodec({ registry: fileRegistry() });
    expect(await ofFiles.decode([raw(value)])).toMatchObject([{ ok: false, reason: 'unknown_schema' }]);
  });

  test('a record written under an earlier version is read with the default of the field that it lacks', async () => {
    const json = schemaJson('ToolCallEvent');
    const older = JSON.stringify({ ...json, fields: json.fields.filter(({ name }) => name !== 'disclosed') });
    const { id } = await post(`/subjects/${subjectOf('ToolCallEvent')}/versions`, older);
    const { disclosed: _, ...value } = SAMPLES.ToolCallEvent;
    const bytes = avro.Type.forSchema(JSON.parse(older) as avro.Schema, { wrapUnions: 'never' }).toBuffer(value);
    const codec = await createCodec({ registry: confluentRegistry(service) });
    expect(await codec.decode([raw(frame(id, bytes))])).toEqual([
      { ok: true, record: { name: 'ToolCallEvent', value: SAMPLES.ToolCallEvent } },
    ]);
  });

  test('one question for an id however many wait for it, none for what was found, and one a minute for what was not', async () => {
    const proxy = await proxyTo(service.url);
    let now = 0;
    const registry = confluentRegistry({ url: `${proxy.url}/` }, () => now);
    const id = await registry.idOf('RunEvent');
    const found = await Promise.all(Array.from({ length: 20 }, () => registry.schemaById(id)));
    expect(new Set(found)).toEqual(new Set([SCHEMAS.RunEvent]));
    expect(await registry.schemaById(id)).toBe(SCHEMAS.RunEvent);
    await registry.idOf('RunEvent');
    expect(proxy.seen).toEqual([`POST /subjects/${subjectOf('RunEvent')}`, `GET /schemas/ids/${id}`]);
    const asked = () => proxy.seen.filter((seen) => seen === 'GET /schemas/ids/987654').length;
    const missing = await Promise.all(Array.from({ length: 20 }, () => registry.schemaById(987_654)));
    expect(new Set(missing)).toEqual(new Set([undefined]));
    now = 59_999;
    expect(await registry.schemaById(987_654)).toBeUndefined();
    expect(asked()).toBe(1);
    now = 60_000;
    expect(await registry.schemaById(987_654)).toBeUndefined();
    expect(asked()).toBe(2);
    proxy.close();
  });

  test('W7: a registry that is killed in the middle is away, nothing is taken for unknown, and it is asked again when it is back', async () => {
    const writer = await createCodec({ registry: confluentRegistry(service) });
    const value = writer.encode('RunEvent', SAMPLES.RunEvent);
    const alone = confluentRegistry(service);
    const reader = await createCodec({ registry: { idOf: fileRegistry().idOf, schemaById: (id) => alone.schemaById(id) } });
    await service.kill();
    expect(await refusal(reader.decode([raw(value)]))).toBe('away');
    expect(await refusal(confluentRegistry(service).idOf('RunEvent'))).toBe('away');
    expect(await refusal(checkSchemas(service))).toBe('away');
    await service.restart();
    expect(await reader.decode([raw(value)])).toEqual([{ ok: true, record: { name: 'RunEvent', value: SAMPLES.RunEvent } }]);
  }, 120_000);

  test('W7: a registry that does not answer in time is away', async () => {
    const registry = confluentRegistry({ url: service.url, timeoutMs: 200 });
    await service.pause();
    try {
      expect(await refusal(registry.idOf('RunEvent'))).toBe('away');
    } finally {
      await service.resume();
    }
    await expect.poll(() => registry.idOf('RunEvent').catch(() => undefined), { timeout: 30_000 }).toBeGreaterThan(0);
  });
});

test('W7: a server that is no registry makes no schema unknown', async () => {
  const web = await listen((_, response) => void response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not found</h1>'));
  const page = await listen((_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>'));
  for (const { url } of [web, page]) {
    const registry = confluentRegistry({ url });
    expect(await refusal(registry.schemaById(7))).toBe('no_registry');
    expect(await refusal(registry.idOf('RunEvent'))).toBe('no_registry');
  }
  web.close();
  page.close();
});

test('statuses are told apart by what one can do about them', async () => {
  const codes: (RegistryErrorCode | undefined)[] = [];
  for (const status of [401, 403, 409, 422, 429, 500, 503]) {
    const server = await listen((_, response) => void response.writeHead(status).end('{"message":"no"}'));
    codes.push(await refusal(confluentRegistry(server).schemaById(1)));
    server.close();
  }
  expect(codes).toEqual(['not_allowed', 'not_allowed', 'incompatible', 'refused', 'away', 'away', 'away']);
});

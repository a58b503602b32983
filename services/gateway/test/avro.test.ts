import { type Codec, createCodec, fileRegistry, RegistryError, type SchemaRegistry } from '@idemtrace/schemas';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readFrames } from '../src/batch/frames.ts';
import { AVRO_BATCH, type Frame, MOST_EVENTS, writeFrames } from '../src/index.ts';
import { codec, decoded, event, json, post, RUN, world } from './world.ts';

const AVRO = { 'content-type': AVRO_BATCH };
const frame = (value: object = {}, headers: Frame['headers'] = []): Frame => ({
  value: codec.encode('RunEvent', { ...RUN, ...value }),
  headers,
});

test('an Avro batch goes into the log as it came, under its workflow’s key, with its headers', async () => {
  const it = world();
  const token = Buffer.from('a.b.c');
  const frames = [frame({}, [['idemtrace-token', token]]), frame({ workflowId: 'übung', sequence: 1 })];
  expect(await post(it, writeFrames(frames), AVRO)).toMatchObject({ status: 200, body: { accepted: 2 } });
  expect(it.appended).toEqual([
    { key: 'acme/invoice-run', value: frames[0]?.value, headers: { 'idemtrace-token': token } },
    { key: 'acme/%C3%BCbung', value: frames[1]?.value, headers: {} },
  ]);
  expect((await decoded(it.appended)).every(({ ok }) => ok)).toBe(true);
});

test('JSON and Avro of the same event are the same record', async () => {
  const it = world();
  await post(it, writeFrames([frame()]), AVRO);
  await post(it, json(event()));
  expect(it.appended[1]).toEqual(it.appended[0]);
});

test('the bytes are as they are documented', () => {
  const bytes = writeFrames([{ value: Buffer.from([0, 0, 0, 0, 7, 9]), headers: [['ab', Buffer.from('xyz')]] }]);
  expect(bytes.toString('hex')).toBe(['00000006', '00', '00000007', '09', '0001', '0002', '6162', '0003', '78797a'].join(''));
});

test('every sequence of frames comes back as it was, and no part of one passes for one', () => {
  const header = fc.tuple(
    fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/),
    fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
  );
  const arbitrary = fc.record({
    value: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
    headers: fc.array(header, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(arbitrary, { maxLength: 4 }), fc.nat(), (frames, cut) => {
      const bytes = writeFrames(frames);
      expect(readFrames(bytes, 10, 10)).toEqual({ ok: true, frames });
      const read = readFrames(bytes.subarray(0, cut % (bytes.length + 1)), 10, 10);
      if (read.ok) expect(frames.slice(0, read.frames.length)).toEqual(read.frames);
    }),
  );
});

test('P1: a bad record is told by its index and field, and nothing of the batch is taken', async () => {
  const it = world();
  const good = frame();
  const flawed = [Buffer.alloc(0), Buffer.from([1, 2]), good.value.subarray(0, -1), Buffer.concat([good.value, good.value])];
  const alert = { value: codec.encode('ClockTick', { occurredAt: RUN.occurredAt }), headers: [] };
  const frames = [
    good,
    ...flawed.map((value) => ({ value, headers: [] })),
    alert,
    frame({}, [['SECRET', Buffer.alloc(0)]]),
    frame({}, [
      ['a', Buffer.alloc(0)],
      ['a', Buffer.alloc(0)],
    ]),
  ];
  const { status, body } = await post(it, writeFrames(frames), AVRO);
  expect(status).toBe(400);
  expect(body.errors?.map(({ path, reason }) => [path, reason])).toEqual([
    ['events[1]', 'no_value'],
    ['events[2]', 'bad_magic'],
    ['events[3]', expect.stringMatching(/truncated|bad_varint|bad_union_index/)],
    ['events[4]', 'trailing_bytes'],
    ['events[5]', 'unexpected_record'],
    ['events[6].headers', 'wrong_shape'],
    ['events[7].headers', 'wrong_shape'],
  ]);
  expect(JSON.stringify(body)).not.toContain('SECRET');
  expect(it.appended).toEqual([]);
});

test('what is no sequence of frames is told where it breaks', async () => {
  const bytes = writeFrames([frame(), frame()]);
  expect(await post(world(), bytes.subarray(0, -1), AVRO)).toMatchObject({
    status: 400,
    body: { error: 'invalid', errors: [{ index: 1, path: 'events[1]', reason: 'bad_frame' }] },
  });
  expect(await post(world(), writeFrames(Array(MOST_EVENTS + 1).fill(frame())), AVRO)).toMatchObject({
    status: 413,
    body: { error: 'too_many' },
  });
});

test('T1: an Avro record of another tenant refuses the batch', async () => {
  const it = world();
  expect(await post(it, writeFrames([frame(), frame({ tenantId: 'globex' })]), AVRO)).toMatchObject({
    status: 403,
    body: { errors: [{ index: 1 }] },
  });
  expect(it.appended).toEqual([]);
});

async function codecOf(schemaById: SchemaRegistry['schemaById']): Promise<Codec> {
  return createCodec({ registry: { ...fileRegistry(), schemaById } });
}

function ofSchema(id: number): Frame {
  const value = Buffer.from(frame().value);
  value.writeInt32BE(id, 1);
  return { value, headers: [] };
}

test('W7: a schema that cannot be asked for is no bad record: the sender comes again', async () => {
  const it = world({ codec: await codecOf(() => Promise.reject(new RegistryError('away', 'away'))) });
  expect(await post(it, writeFrames([ofSchema(4711)]), AVRO)).toMatchObject({ status: 503, body: { error: 'unavailable' } });
});

test('a batch cannot make the gateway ask the registry without end', async () => {
  let asked = 0;
  const it = world({
    codec: await codecOf(async () => {
      asked += 1;
      return undefined;
    }),
  });
  const frames = (count: number) => writeFrames(Array.from({ length: count }, (_, i) => ofSchema(9000 + i)));
  expect(await post(it, frames(17), AVRO)).toMatchObject({ status: 400 });
  expect(asked).toBe(0);
  expect((await post(it, frames(16), AVRO)).body.errors?.map(({ reason }) => reason)).toEqual(Array(16).fill('unknown_schema'));
  expect(asked).toBe(16);
});

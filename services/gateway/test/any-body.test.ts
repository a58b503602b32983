/** Whatever is sent, the gateway answers, and never with a fault of its own. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SHARE } from '../../../schemas/test/mutations.ts';
import { AVRO_BATCH, writeFrames } from '../src/index.ts';
import { codec, event, json, post, RUN, world } from './world.ts';

const contentType = fc.constantFrom('application/json', AVRO_BATCH);
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const value = codec.encode('RunEvent', RUN);

/** Bytes of a good batch with some of them changed, cut or doubled. */
const mutated = (good: Buffer) =>
  fc.array(fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })), { maxLength: 4 }).chain((changes) =>
    fc.nat({ max: good.length }).map((cut) => {
      const body = Buffer.from(good);
      for (const [at, byte] of changes) body[at] = byte;
      return cut % 3 === 0 ? body.subarray(0, cut) : body;
    }),
  );

const anyBody = fc.oneof(
  bytes,
  fc.json().map((text) => Buffer.from(text)),
  fc.array(fc.anything({ withNullPrototype: true }), { maxLength: 3 }).map((events) => Buffer.from(safeJson({ events }))),
  fc
    .dictionary(fc.constantFrom(...Object.keys(RUN), '__proto__', 'constructor'), fc.jsonValue())
    .map((fields) => Buffer.from(json(event(fields)))),
  mutated(Buffer.from(json(event()))),
  mutated(
    writeFrames([
      { value, headers: [['a', Buffer.from('b')]] },
      { value, headers: [] },
    ]),
  ),
  fc
    .array(
      fc.record({
        value: fc.oneof(bytes, mutated(value)),
        headers: fc.array(fc.tuple(fc.string({ maxLength: 9 }), bytes), { maxLength: 3 }),
      }),
      { maxLength: 4 },
    )
    .map(writeFrames),
);

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return '{"events":[{}]}';
  }
}

test(
  'any body is answered with 200 or 4xx, as any type, compressed or not, and what is taken can be read',
  async () => {
    const it = world();
    await fc.assert(
      fc.asyncProperty(anyBody, contentType, fc.constantFrom('', 'gzip', 'deflate', 'compressed'), async (body, type, encoding) => {
        const sent = encoding === 'compressed' ? gzipSync(body) : body;
        const header = encoding === '' ? {} : { 'content-encoding': encoding === 'compressed' ? 'gzip' : encoding };
        const { status, body: answer } = await post(it, sent, { 'content-type': type, ...header });
        expect(status === 200 || (status >= 400 && status < 500)).toBe(true);
        expect(status === 200 ? answer.accepted : answer.error).toBeDefined();
      }),
      { numRuns: 2_000 * SHARE },
    );
    expect(it.faults).toEqual([]);
    const read = await codec.decode(
      it.appended.map(({ key, value }) => ({ key: Buffer.from(String(key)), value, logTime: RUN.occurredAt })),
    );
    expect(read.filter(({ ok }) => !ok)).toEqual([]);
  },
  120_000 * SHARE,
);

test('deep nesting is refused, not followed to the end of the stack', async () => {
  const deep = `{"events":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`;
  expect((await post(world(), deep)).status).toBe(400);
  const inValue = json(event({ runId: JSON.parse(`${'['.repeat(2000)}${']'.repeat(2000)}`) }));
  expect((await post(world(), inValue)).status).toBe(400);
});

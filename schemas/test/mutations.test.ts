import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AnyRecord, RecordName } from '../src/index.ts';
import { createCodec, fileRegistry } from '../src/index.ts';
import { BYTE_REASONS, INVALID_REASONS } from '../src/validity.ts';
import { arbitraryAnyRecord } from './arbitraries.ts';
import { evolved } from './evolved.ts';
import { mutate, SEED, SHARE, Xorshift } from './mutations.ts';
import { encodeUnchecked, frame, registryOf } from './wire.ts';

const RECORDS = 1_000_000 * SHARE;

const KEY = Buffer.from('acme/invoice-run-7');

/** One key for all: what damage leaves valid is then valid as a record. */
function inOneWorkflow(record: AnyRecord): AnyRecord {
  if (record.name === 'ClockTick' || record.name === 'DeadLetter') return record;
  return { name: record.name, value: { ...record.value, tenantId: 'acme', workflowId: 'invoice-run-7' } } as AnyRecord;
}

/** More than any record of ours has fields, those of its parts included. */
const DEFAULTS = 100;

/** How many values there are in one, itself included. */
function sizeOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return 1;
  return Object.values(value).reduce<number>((sum, member) => sum + sizeOf(member), 1);
}

test(
  `W7: a million damaged records are answered, each by a value that is valid or by a reason of the table (seed ${SEED})`,
  async () => {
    const plain = await createCodec({ registry: fileRegistry() });
    const records = fc.sample(arbitraryAnyRecord(), { seed: SEED, numRuns: 300 }).map(inOneWorkflow);
    const corpus = records.map(({ name, value }) => plain.encode<RecordName>(name, value));
    // A writer of another version: its records go through the resolver.
    const newer = evolved('ToolCallEvent');
    for (const { name, value } of records) if (name === 'ToolCallEvent') corpus.push(frame(77, newer.encode(value)));
    const codec = await createCodec({ registry: registryOf(new Map([[77, newer.schema]])) });
    const whole = await codec.decode(corpus.map((value) => ({ key: KEY, value, logTime: 0 })));
    expect(whole.filter((answer) => !answer.ok && answer.reason !== 'key_mismatch')).toEqual([]);

    const random = new Xorshift(SEED);
    const answers = new Map<string, number>();
    const unheardOf: string[] = [];
    const beyond: number[] = [];
    let longest = '';
    for (let i = 0; i < RECORDS; i++) {
      const value = mutate(corpus, random);
      let answer = codec.decodeKnown({ key: KEY, value, logTime: 0 });
      if (answer === undefined) [answer] = await codec.decode([{ key: KEY, value, logTime: 0 }]);
      if (answer === undefined) throw new Error('no answer');
      const kind = answer.ok ? answer.record.name : answer.reason;
      answers.set(kind, (answers.get(kind) ?? 0) + 1);
      if (answer.ok) {
        // What is let through can be written again: it was valid.
        if (i % 64 === 0) codec.encode<RecordName>(answer.record.name, answer.record.value);
        // Every value took at least a byte, but for the fields that take their defaults: the work is bounded by the input's size.
        if (sizeOf(answer.record.value) > value.length + DEFAULTS) beyond.push(value.length);
      } else {
        if (!(answer.reason in INVALID_REASONS)) unheardOf.push(answer.reason);
        if (answer.detail.length > longest.length) longest = answer.detail;
      }
    }
    expect(unheardOf).toEqual([]);
    expect(beyond).toEqual([]);
    expect([...answers.values()].reduce((sum, n) => sum + n, 0)).toBe(RECORDS);
    expect(longest.length).toBeLessThan(200);
    // The damage reached every check of the bytes, and left some records whole.
    const notByDamage = new Set([
      'no_value',
      'too_many_items',
      'too_large',
      'unsupported_schema',
      'incompatible_schema',
      'unexpected_record',
    ]);
    for (const reason of Object.keys(BYTE_REASONS))
      if (!notByDamage.has(reason)) expect([reason, answers.get(reason) ?? 0]).not.toEqual([reason, 0]);
    for (const name of ['ToolCallEvent', 'RetrievalEvent', 'RunEvent', 'Alert', 'DeadLetter'])
      expect(answers.get(name)).toBeGreaterThan(100);
  },
  240_000 * SHARE,
);

test('bytes of no kind at all are answered', async () => {
  const codec = await createCodec({ registry: fileRegistry() });
  const header = encodeUnchecked('ClockTick', { occurredAt: 0 }).subarray(0, 5);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, framed) => {
      const value = framed ? Buffer.concat([header, bytes]) : Buffer.from(bytes);
      const [answer] = await codec.decode([{ key: null, value, logTime: 0 }]);
      expect(answer?.ok === true || (answer !== undefined && answer.reason in INVALID_REASONS)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

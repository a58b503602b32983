import { expect, test } from 'vitest';
import { RECORD_NAMES } from '../src/current.ts';
import type { AnyRecord, Decoded, InvalidReason, RawRecord, RecordName, RecordTypes } from '../src/index.ts';
import { createCodec, EncodeError, eventKey, faultsOf, fromJson, INVALID_REASONS } from '../src/index.ts';
import { BOUNDS, VALUE_REASONS } from '../src/validity.ts';
import { encodeUnchecked, frame, idOf, keyOf, raw, registryOf, SAMPLES } from './wire.ts';

const ENUM_JSON = { type: 'record', name: 'ClockTick', namespace: 'dev.idemtrace', fields: [{ name: 'occurredAt', type: 'string' }] };

const registry = registryOf(
  new Map([
    [1, '{"type":"array","items":"null"}'],
    [2, JSON.stringify(ENUM_JSON)],
    [3, '{"type":"record","name":"Other","namespace":"dev.idemtrace","fields":[{"name":"a","type":"int"}]}'],
  ]),
);
const codec = await createCodec({ registry });
const body = (name: RecordName): Buffer => encodeUnchecked<RecordName>(name, SAMPLES[name]).subarray(5);

/** A record's bytes with a change to its value that its types allow. */
function changed<N extends RecordName>(name: N, change: Partial<RecordTypes[N]>): RawRecord {
  const value = { ...SAMPLES[name], ...change };
  return raw(encodeUnchecked(name, value), keyOf({ name, value } as unknown as AnyRecord));
}

const call = (change: Partial<RecordTypes['ToolCallEvent']>): RawRecord => changed('ToolCallEvent', change);
const key43 = { hashKeyId: 'k1', digest: 'B'.repeat(43) };

/** For every reason the record, or the JSON, that it is given for. A reason without one does not compile. */
const PRODUCERS: Readonly<Record<InvalidReason, RawRecord | (() => Decoded)>> = {
  no_value: raw(null),
  too_large: raw(frame(idOf('ToolCallEvent'), Buffer.alloc(1_000_001))),
  bad_magic: raw(Buffer.from([1, 0, 0, 0, 0, 0])),
  unknown_schema: raw(frame(404, Buffer.alloc(1))),
  unsupported_schema: raw(frame(1, Buffer.alloc(1))),
  incompatible_schema: raw(frame(2, Buffer.alloc(1))),
  unexpected_record: raw(frame(3, Buffer.alloc(1))),
  truncated: raw(frame(idOf('ToolCallEvent'), body('ToolCallEvent').subarray(0, -1))),
  trailing_bytes: raw(frame(idOf('ToolCallEvent'), Buffer.concat([body('ToolCallEvent'), Buffer.alloc(1)]))),
  bad_varint: raw(frame(idOf('ClockTick'), Buffer.alloc(11, 0xff))),
  number_out_of_range: raw(frame(idOf('ClockTick'), Buffer.from('feffffffffffffff7f', 'hex'))),
  negative_length: raw(frame(idOf('RunEvent'), Buffer.from([1]))),
  bad_union_index: raw(frame(idOf('RunEvent'), Buffer.from([2, 0x61, 2, 0x61, 2, 0x61, 2, 4]))),
  bad_enum_index: raw(frame(idOf('Alert'), Buffer.from([2, 0x61, 0, 126]))),
  bad_boolean: raw(frame(idOf('DeadLetter'), Buffer.from([2, 0x61, 0, 2, 0x61, 0, 0, 0, 0, 0, 2]))),
  bad_block: raw(frame(idOf('ToolCallEvent'), blockOfWrongSize())),
  bad_utf8: raw(frame(idOf('RunEvent'), Buffer.from([4, 0xc3, 0x28]))),
  too_many_items: call({ groundedOn: Array.from({ length: 257 }, (_, i) => `r${i}`) }),
  wrong_shape: () => fromJson('ClockTick', { occurredAt: 'now' }),
  not_well_formed: () => fromJson('RunEvent', { ...SAMPLES.RunEvent, tenantId: '\ud800' }),
  empty_id: changed('RunEvent', { runId: '' }),
  id_too_long: call({ tool: 'x'.repeat(513) }),
  control_character: call({ effectName: 'a\u0000b' }),
  too_long: call({ disclosed: [{ path: 'input.memo', json: `"${'x'.repeat(1024)}"` }] }),
  bad_uuid: call({ executionId: '01935B2E-7C4A-7D21-9F10-0123456789AB' }),
  bad_trace_id: call({ traceId: 'abc' }),
  bad_digest: call({ resultHashes: [{ hashKeyId: 'k1', digest: `${'A'.repeat(42)}=` }] }),
  duplicate_hash_key: call({ inputHashes: [key43, { ...key43, digest: 'C'.repeat(43) }] }),
  below_minimum: call({ attempt: 0 }),
  not_finite: call({ durationMs: Number.NaN }),
  time_out_of_bounds: changed('ClockTick', { occurredAt: 1_760_000_000 }),
  unspecified_phase: call({ phase: 'unspecified' }),
  inconsistent_outcome: call({ phase: 'started', durationMs: null }),
  inconsistent_hash: call({ unhashable: 'too_large' }),
  missing_hash_key: call({ leafHashKeyId: null }),
  key_mismatch: raw(encodeUnchecked('ToolCallEvent', SAMPLES.ToolCallEvent), Buffer.from('acme/other')),
};

/** A ToolCallEvent in which the block of `inputHashes` says one byte more than it has. */
function blockOfWrongSize(): Buffer {
  const whole = body('ToolCallEvent');
  const hashes = Buffer.concat([Buffer.from([2, 4]), Buffer.from('k1'), Buffer.from([86]), Buffer.from('A'.repeat(43)), Buffer.from([0])]);
  const at = whole.indexOf(hashes);
  const items = hashes.subarray(1, -1);
  return Buffer.concat([whole.subarray(0, at), Buffer.from([1, (items.length + 1) * 2]), items, whole.subarray(at + hashes.length - 1)]);
}

for (const [reason, producer] of Object.entries(PRODUCERS))
  test(`${reason}: ${INVALID_REASONS[reason as InvalidReason]}`, async () => {
    const [answer] = typeof producer === 'function' ? [producer()] : await codec.decode([producer]);
    expect(answer).toMatchObject({ ok: false, reason });
  });

/** Changes that the types allow and the table refuses, with the field that is named. */
const REFUSED: readonly (readonly [RecordName, object, InvalidReason, string])[] = [
  ['RunEvent', { tenantId: '' }, 'empty_id', 'tenantId'],
  ['RunEvent', { workflowId: '' }, 'empty_id', 'workflowId'],
  ['RunEvent', { workflowId: 'x'.repeat(513) }, 'id_too_long', 'workflowId'],
  ['RunEvent', { agentId: 'a\nb' }, 'control_character', 'agentId'],
  ['RunEvent', { agentId: 'a\u009bb' }, 'control_character', 'agentId'],
  ['RunEvent', { incarnation: -1 }, 'below_minimum', 'incarnation'],
  ['RunEvent', { sequence: -1 }, 'below_minimum', 'sequence'],
  ['RunEvent', { status: 'failed' }, 'inconsistent_outcome', 'status'],
  ['RunEvent', { phase: 'unspecified' }, 'unspecified_phase', 'phase'],
  ['RunEvent', { occurredAt: Date.UTC(1999, 11, 31) }, 'time_out_of_bounds', 'occurredAt'],
  ['RunEvent', { occurredAt: Date.UTC(2100, 0) }, 'time_out_of_bounds', 'occurredAt'],
  ['ToolCallEvent', { stepIndex: -1 }, 'below_minimum', 'stepIndex'],
  ['ToolCallEvent', { durationMs: -0.5 }, 'below_minimum', 'durationMs'],
  ['ToolCallEvent', { poll: { max: 0, minIntervalMs: null } }, 'below_minimum', 'poll.max'],
  ['ToolCallEvent', { phase: 'started' }, 'inconsistent_outcome', 'resultHashes'],
  ['ToolCallEvent', { phase: 'started', resultHashes: [] }, 'inconsistent_outcome', 'durationMs'],
  ['ToolCallEvent', { occurrences: [key43, key43] }, 'duplicate_hash_key', 'occurrences[1].hashKeyId'],
  ['ToolCallEvent', { approvals: [{ ...key43, hashKeyId: '' }] }, 'empty_id', 'approvals[0].hashKeyId'],
  [
    'ToolCallEvent',
    { downstreamKeys: [key43, { ...key43, hashKeyId: 'k2' }, { ...key43, hashKeyId: 'k3' }] },
    'too_many_items',
    'downstreamKeys',
  ],
  ['ToolCallEvent', { precedingCalls: [{ ...key43, digest: 'short' }] }, 'bad_digest', 'precedingCalls[0].digest'],
  ['ToolCallEvent', { leafHashKeyId: null }, 'missing_hash_key', 'leafHashKeyId'],
  [
    'ToolCallEvent',
    { effectKey: { digests: [key43, key43], scope: 'workflow', source: 'declared' } },
    'duplicate_hash_key',
    'effectKey.digests[1].hashKeyId',
  ],
  ['ToolCallEvent', { argumentDigests: [{ path: 'a', digest: 'short', kind: 'id' }] }, 'bad_digest', 'argumentDigests[0].digest'],
  [
    'ToolCallEvent',
    { argumentDigests: Array(33).fill({ path: 'a', digest: 'A'.repeat(11), kind: 'id' }) },
    'too_many_items',
    'argumentDigests',
  ],
  ['ToolCallEvent', { groundedOn: ['fine', ''] }, 'empty_id', 'groundedOn[1]'],
  ['RetrievalEvent', { retrievalId: 'r1' }, 'bad_uuid', 'retrievalId'],
  ['RetrievalEvent', { documents: [{ id: '', tenantId: null, score: null }] }, 'empty_id', 'documents[0].id'],
  ['RetrievalEvent', { documents: [{ id: 'd', tenantId: '', score: null }] }, 'empty_id', 'documents[0].tenantId'],
  ['RetrievalEvent', { documents: [{ id: 'd', tenantId: null, score: Number.POSITIVE_INFINITY }] }, 'not_finite', 'documents[0].score'],
  ['Alert', { tenantId: '' }, 'empty_id', 'tenantId'],
  ['Alert', { evidence: { ...SAMPLES.Alert.evidence, runs: -1 } }, 'below_minimum', 'evidence.runs'],
  ['DeadLetter', { valueSha256: 'ABC' }, 'bad_digest', 'valueSha256'],
];

for (const [name, change, reason, field] of REFUSED)
  test(`a ${name} with a wrong ${field} is refused alike when it is decoded, encoded and posted (${reason})`, async () => {
    const value = { ...SAMPLES[name], ...change };
    const [answer] = await codec.decode([raw(encodeUnchecked<RecordName>(name, value), null)]);
    expect(answer).toMatchObject({ ok: false, reason, detail: expect.stringContaining(`${field}: `) });
    expect(() => codec.encode<RecordName>(name, value)).toThrow(EncodeError);
    expect(() => codec.encode<RecordName>(name, value)).toThrow(expect.objectContaining({ reason, field }));
    expect(faultsOf<RecordName>(name, value)).toMatchObject([{ reason, field }]);
  });

test('a value at its bounds is valid', () => {
  const edge: RecordTypes['ToolCallEvent'] = {
    ...SAMPLES.ToolCallEvent,
    tenantId: 'x'.repeat(512),
    occurredAt: Date.UTC(2000, 0),
    inputHashes: [key43, { ...key43, hashKeyId: 'k2' }],
    resultHashes: [key43, { ...key43, hashKeyId: 'k2' }],
    argumentDigests: Array(32).fill({ path: '', digest: 'AAAAAAAAAAA', kind: 'flag' }),
    groundedOn: Array(256).fill('r'),
    deadlineMs: 1,
    durationMs: 0,
  };
  expect(faultsOf('ToolCallEvent', edge)).toEqual([]);
});

test('every sample is valid, so that each refusal is of the change alone', () => {
  for (const name of RECORD_NAMES) expect([name, faultsOf<RecordName>(name, SAMPLES[name])]).toEqual([name, []]);
});

test('T1: a key that is not the one of tenant and workflow is refused, a missing one too', async () => {
  for (const name of ['RunEvent', 'ToolCallEvent', 'RetrievalEvent'] as const) {
    const bytes = encodeUnchecked<RecordName>(name, SAMPLES[name]);
    const keys = [
      null,
      '',
      'acme',
      'acme/',
      'acme/invoice-run-8',
      'other/invoice-run-7',
      'acme/invoice-run-7 ',
      eventKey('acme', 'invoice-run-7'),
    ];
    const answers = await codec.decode(keys.map((key) => raw(bytes, key === null ? null : Buffer.from(key))));
    expect(answers.map((answer) => (answer.ok ? 'ok' : answer.reason))).toEqual([...Array(7).fill('key_mismatch'), 'ok']);
  }
  expect(await codec.decode([raw(encodeUnchecked('ClockTick', SAMPLES.ClockTick), Buffer.from('acme/x'))])).toMatchObject([
    { reason: 'key_mismatch' },
  ]);
});

test('a record that is one of ours, but does not travel here, is refused', async () => {
  const events = await createCodec({ registry, expect: ['RunEvent', 'ToolCallEvent'] });
  expect(await events.decode([raw(encodeUnchecked('Alert', SAMPLES.Alert))])).toMatchObject([{ ok: false, reason: 'unexpected_record' }]);
});

test('every reason of a value is one that some record, its shape or its size may be refused for', () => {
  const ofShape = ['wrong_shape', 'not_well_formed', 'too_large', 'number_out_of_range'];
  const given = new Set<string>([...ofShape, ...RECORD_NAMES.flatMap((name) => BOUNDS[name].reasons)]);
  expect(Object.keys(VALUE_REASONS).filter((reason) => !given.has(reason))).toEqual([]);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AnyRecord } from '../src/index.ts';
import { fromJson, parseEvent, toJson } from '../src/index.ts';
import { arbitraryAnyRecord } from './arbitraries.ts';
import { SAMPLES } from './wire.ts';

test('every valid record comes back from its JSON form as it was', () => {
  fc.assert(
    fc.property(arbitraryAnyRecord(), (record: AnyRecord) => {
      const answer = fromJson(record.name, JSON.parse(JSON.stringify(toJson(record))) as unknown);
      // JSON has one zero.
      expect(JSON.stringify(answer)).toEqual(JSON.stringify({ ok: true, record }));
    }),
  );
});

test('bytes are base64 in JSON', () => {
  expect(toJson({ name: 'DeadLetter', value: SAMPLES.DeadLetter })).toMatchObject({
    value: 'AQID',
    headers: [{ name: 'traceparent', value: 'MDA=' }],
  });
  const posted = { ...toJson({ name: 'DeadLetter', value: SAMPLES.DeadLetter }) };
  expect(fromJson('DeadLetter', posted)).toEqual({ ok: true, record: { name: 'DeadLetter', value: SAMPLES.DeadLetter } });
  expect(fromJson('DeadLetter', { ...posted, value: 'A*==' })).toMatchObject({
    reason: 'wrong_shape',
    detail: 'value: not bytes in base64',
  });
});

test('an event may leave out what has a default', () => {
  const { tenantId, workflowId, runId, attempt, phase, occurredAt, emitterId, sequence } = SAMPLES.RunEvent;
  const answer = parseEvent('RunEvent', { tenantId, workflowId, runId, attempt, phase, occurredAt, emitterId, sequence });
  expect(answer).toEqual({
    ok: true,
    record: { name: 'RunEvent', value: { ...SAMPLES.RunEvent, agentId: null, agentVersion: null, policyVersion: null } },
  });
});

test('a default list is not shared between records', () => {
  const { argumentDigests: _, ...rest } = SAMPLES.ToolCallEvent;
  const [one, other] = [parseEvent('ToolCallEvent', rest), parseEvent('ToolCallEvent', rest)];
  if (!one.ok || !other.ok || one.record.name !== 'ToolCallEvent' || other.record.name !== 'ToolCallEvent') throw new Error('refused');
  expect(one.record.value.argumentDigests).toEqual([]);
  expect(one.record.value.argumentDigests).not.toBe(other.record.value.argumentDigests);
});

test('P1: every mistake is listed by field, none by value', () => {
  const canary = 'CANARY 4711';
  const answer = parseEvent('ToolCallEvent', {
    ...SAMPLES.ToolCallEvent,
    tenantId: 7,
    runId: null,
    attempt: 1.5,
    sequence: 2 ** 60,
    phase: canary,
    workflowId: undefined,
    argumentDigests: [{ path: 'a', digest: 'AAAAAAAAAAA', kind: 'id' }, canary, { path: canary, kind: 'id' }],
    effectKey: { digests: canary, scope: 'workflow', source: 'declared' },
    extra: canary,
    [canary]: 1,
  });
  if (answer.ok) throw new Error('accepted');
  expect(answer.reason).toBe('wrong_shape');
  expect(answer.detail.split('; ').sort()).toEqual(
    [
      'tenantId: not text',
      'workflowId: not text',
      'runId: not text',
      'attempt: not a whole number',
      'sequence: outside -4503599627370496 to 9007199254740990',
      'phase: not one of unspecified, started, succeeded, failed, unknown, replayed, compensated',
      'argumentDigests[1]: not an object',
      'argumentDigests[2].digest: missing',
      'effectKey.digests: not a list',
      'extra: an unknown field',
      'an unknown field',
    ].sort(),
  );
});

test('bounds are listed too, once the shape is right', () => {
  const answer = parseEvent('ToolCallEvent', { ...SAMPLES.ToolCallEvent, tenantId: '', executionId: 'x', occurredAt: 0 });
  expect(answer).toMatchObject({
    ok: false,
    reason: 'empty_id',
    detail: 'tenantId: empty; occurredAt: not from 2000 to before 2100, in ms; executionId: no UUID in lower case',
  });
});

test('what no emitter sends is not taken from one', () => {
  for (const name of ['Alert', 'DeadLetter', 'ClockTick', 'toString', '', null, 7, ['RunEvent']])
    expect(parseEvent(name, {})).toMatchObject({ ok: false, reason: 'unexpected_record' });
});

test('no JSON at all is too much', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('RunEvent', 'ToolCallEvent', 'RetrievalEvent'), (json, name) => {
      expect(parseEvent(name, json).ok).toBe(false);
    }),
  );
  const flood = parseEvent('ToolCallEvent', { ...SAMPLES.ToolCallEvent, groundedOn: Array(60_000).fill(0) });
  expect(!flood.ok && flood.detail.split('; ').length).toBeLessThanOrEqual(50);
  expect(parseEvent('ToolCallEvent', { ...SAMPLES.ToolCallEvent, groundedOn: Array(70_000).fill('r') })).toMatchObject({
    reason: 'too_many_items',
  });
  expect(parseEvent('RunEvent', { ...SAMPLES.RunEvent, ['__proto__']: 1 }).ok).toBe(false);
});

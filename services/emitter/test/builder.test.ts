import type { HashKey } from '@idemtrace/identity';
import { faultsOf, type RetrievalEvent, type ToolCallEvent } from '@idemtrace/schemas';
import { type CompiledPolicy, EMPTY_POLICY, type ToolPolicy } from '@idemtrace/schemas/policy';
import { describe, expect, test } from 'vitest';
import { type CallDescription, createEventBuilder, RunTracker } from '../src/internal.ts';
import { HASH_KEY } from './world.ts';

const EMITTER = '01900000-0000-7000-8000-000000000000';
const EXECUTION = '01900000-0000-7000-8000-000000000001';
const RUN = { tenantId: 'acme', workflowId: 'w', runId: 'r', attempt: 1 };
const AT = { occurredAt: Date.UTC(2026, 0, 1) };

function policyOf(...tools: readonly ToolPolicy[]): CompiledPolicy {
  return { ...EMPTY_POLICY, version: 'p1', tools };
}

function builderOf(policy: CompiledPolicy = EMPTY_POLICY) {
  let sequence = 0;
  return createEventBuilder({ hashKey: HASH_KEY, policy, origin: () => ({ emitterId: EMITTER, sequence: sequence++ }) });
}

/** The outcome's event of a call; it is valid, or the test fails. */
function eventOf(policy: CompiledPolicy, call: Partial<CallDescription>, result?: { readonly value: unknown }): ToolCallEvent {
  const builder = builderOf(policy);
  const prepared = builder.prepareCall(RUN, { tool: 'act', input: {}, stepIndex: 0, executionId: EXECUTION, ...call }, new RunTracker());
  for (const event of [builder.started(prepared, AT), builder.settled(prepared, 'succeeded', AT, result)]) {
    expect(faultsOf('ToolCallEvent', event.value as ToolCallEvent)).toEqual([]);
  }
  return builder.settled(prepared, 'succeeded', AT, result).value as ToolCallEvent;
}

describe('effect class: policy, then code, then annotation, then inference', () => {
  const classOf = (policy: CompiledPolicy, call: Partial<CallDescription>) => {
    const { effectClass, effectClassSource } = eventOf(policy, call);
    return `${effectClass} by ${effectClassSource}`;
  };
  const all = { effect: 'write', annotations: { readOnlyHint: true } } as const;

  test('the policy wins, its default too', () => {
    expect(classOf(policyOf({ match: 'a*', effect: 'delegate' }), all)).toBe('delegate by policy');
    expect(classOf({ ...EMPTY_POLICY, defaultEffect: 'idempotent_write' }, all)).toBe('idempotent_write by policy');
    expect(classOf(policyOf({ match: 'act', volatile: ['x'] }), all)).toBe('write by code');
  });

  test.each([
    [{ readOnlyHint: true }, 'read by annotation'],
    [{ readOnlyHint: false, idempotentHint: true }, 'idempotent_write by annotation'],
    [{ readOnlyHint: false }, 'write by annotation'],
    [{ destructiveHint: false }, 'write by annotation'],
    [{ destructiveHint: true }, 'write by annotation'],
    [{}, 'write by inferred'],
    [{ readOnlyHint: undefined }, 'write by inferred'],
  ])('annotations %j: %s', (annotations, expected) => {
    expect(classOf(EMPTY_POLICY, { annotations })).toBe(expected);
  });

  test.each([
    ['get_invoice', 'read'],
    ['listUsers', 'read'],
    ['github__search_issues', 'read'],
    ['billing.find', 'read'],
    ['mcp/files/read-file', 'read'],
    ['send_mail', 'write'],
    ['getaway_book', 'write'],
    ['find_or_create_user', 'write'],
    ['update_list', 'write'],
    ['___', 'write'],
  ])('%s looks like a %s', (tool, expected) => {
    expect(classOf(EMPTY_POLICY, { tool })).toBe(`${expected} by inferred`);
  });
});

describe('effect names and keys', () => {
  const digestOf = (policy: CompiledPolicy, call: Partial<CallDescription>) => eventOf(policy, call).effectKey?.digests[0]?.digest;

  test('a policy’s paths and code that returns their value declare the same key', () => {
    const byPolicy = eventOf(policyOf({ match: 'act', effectKey: { paths: ['invoice.id'], scope: 'tenant' } }), {
      input: { invoice: { id: 'i1' } },
    });
    const byCode = eventOf(EMPTY_POLICY, { input: {}, effectKey: { id: 'i1', scope: 'tenant' } });
    expect(byPolicy.effectKey).toMatchObject({ scope: 'tenant', source: 'declared' });
    expect(byCode.effectKey).toEqual(byPolicy.effectKey);
  });

  test('tools that do the same share an effect name and with it keys', () => {
    const policy = policyOf({ match: 'pay_*', effectName: 'payment' });
    const [a, b] = ['pay_card', 'pay_bank'].map((tool) => eventOf(policy, { tool, effectKey: 'i1' }));
    expect([a?.effectName, b?.effectName]).toEqual(['payment', 'payment']);
    expect(a?.effectKey).toEqual(b?.effectKey);
    expect(eventOf(EMPTY_POLICY, { effectKey: { effect: 'payment', id: 'i1' } }).effectKey).toEqual(a?.effectKey);
    expect(digestOf(EMPTY_POLICY, { effectKey: 'i1' })).not.toBe(a?.effectKey?.digests[0]?.digest);
  });

  test('none declared: inferred from the ids at the top; none there: none', () => {
    expect(eventOf(EMPTY_POLICY, { input: { order_id: 'o1', note: 'x' } }).effectKey?.source).toBe('inferred');
    expect(eventOf(EMPTY_POLICY, { input: { note: 'x' } }).effectKey).toBeNull();
    expect(eventOf(EMPTY_POLICY, { input: { order_id: 'o1' }, effectKey: '' }).effectKey?.source).toBe('inferred');
    expect(eventOf(EMPTY_POLICY, { effectKey: null as unknown as string }).effectKey).toBeNull();
    expect(digestOf(EMPTY_POLICY, { effectKey: 7 as unknown as string })).toBe(digestOf(EMPTY_POLICY, { effectKey: '7' }));
  });

  test('an inferred key makes no idempotency key: the input does', () => {
    const keyOf = (input: unknown) => {
      const prepared = builderOf().prepareCall(RUN, { tool: 'act', input, stepIndex: 0, executionId: EXECUTION }, new RunTracker());
      return prepared.idempotencyKey();
    };
    expect(keyOf({ order_id: 'o1', amount: 1 })).not.toBe(keyOf({ order_id: 'o1', amount: 2 }));
    expect(keyOf(new Map())).toBeUndefined();
  });
});

describe('what a policy says of the input', () => {
  test('volatile paths are left out of hash, digests and inferred key', () => {
    const policy = policyOf({ match: 'act', volatile: ['nonce', 'nonce_id', 'items[].at'] });
    const [a, b] = [1, 2].map((n) => eventOf(policy, { input: { a: 1, nonce: n, nonce_id: `n${n}`, items: [{ at: n, b: 1 }] } }));
    expect(b?.inputHashes).toEqual(a?.inputHashes);
    expect(b?.argumentDigests).toEqual(a?.argumentDigests);
    expect([a?.effectKey, b?.effectKey]).toEqual([null, null]);
    expect(a?.argumentDigests.map(({ path }) => path)).toEqual(['a', 'items[].b']);
  });

  test('P1: what it discloses, and nothing else, leaves in clear, cut at 1,024 characters', () => {
    const policy = policyOf({ match: 'act', disclose: { input: ['invoice_id', 'items[].sku', 'absent'], result: ['status'] } });
    const input = { invoice_id: 'inv-77', items: [{ sku: 'A1' }, { sku: 'B2' }], secret: 'S3CRET' };
    const event = eventOf(policy, { input }, { value: { status: `\u{1F600}${'x'.repeat(2000)}`, token: 'T0KEN' } });
    expect(event.disclosed.slice(0, 2)).toEqual([
      { path: 'input.invoice_id', json: '"inv-77"' },
      { path: 'input.items[].sku', json: '["A1","B2"]' },
    ]);
    expect(event.disclosed[2]).toMatchObject({ path: 'result.status' });
    expect(event.disclosed[2]?.json).toHaveLength(1024);
    expect(event.disclosed).toHaveLength(3);
    expect(JSON.stringify(event)).not.toMatch(/S3CRET|T0KEN/);
    expect(eventOf(policyOf({ match: 'act', disclose: { input: ['*'] } }), { input: { b: 1, a: 2 } }).disclosed).toEqual([
      { path: 'input', json: '{"a":2,"b":1}' },
    ]);
  });

  test('polling and deadline: the policy’s word before the code’s', () => {
    const declared = { poll: { max: 3 }, deadlineMs: 1000 };
    expect(eventOf(EMPTY_POLICY, declared)).toMatchObject({ poll: { max: 3, minIntervalMs: null }, deadlineMs: 1000 });
    expect(eventOf(policyOf({ match: '*', poll: { max: 9, minIntervalMs: 5 }, deadlineMs: 7 }), declared)).toMatchObject({
      poll: { max: 9, minIntervalMs: 5 },
      deadlineMs: 7,
    });
  });
});

describe('while a key is rotated', () => {
  const OLD = { id: 'k1', secret: HASH_KEY.secret };
  const NEW = { id: 'k2', secret: `${HASH_KEY.secret}, renewed` };
  const CALL = { input: { invoice_id: 'i', amount: 1 }, occurrence: 'march', approvalId: 'ok-1', repeatable: true };

  /** Two calls of a run by an agent with these keys, as their outcomes say them. */
  const callsOf = (hashKey: HashKey) => {
    const builder = createEventBuilder({ hashKey, origin: () => ({ emitterId: EMITTER, sequence: 0 }) });
    const tracker = new RunTracker();
    return [0, 1].map((stepIndex) => {
      const prepared = builder.prepareCall(RUN, { tool: 'act', stepIndex, executionId: EXECUTION, ...CALL }, tracker);
      const { value } = builder.settled(prepared, 'succeeded', AT, { value: 'done' });
      expect(faultsOf('ToolCallEvent', value as ToolCallEvent)).toEqual([]);
      return { call: value as ToolCallEvent, sent: prepared.idempotencyKey() };
    });
  };
  const phases = { before: callsOf(OLD), during: callsOf({ ...NEW, previous: OLD }), after: callsOf(NEW) };
  const listsOf = (of: keyof typeof phases, step: number): Readonly<Record<string, ToolCallEvent['inputHashes']>> => {
    const call = phases[of][step]?.call;
    if (call === undefined) throw new Error('no call');
    const { inputHashes, occurrences, approvals, resultHashes, precedingCalls } = call;
    return { inputHashes, effectKey: call.effectKey?.digests ?? [], occurrences, approvals, resultHashes, precedingCalls };
  };

  test('each digest that is compared stands under both, and meets those before and those after', () => {
    for (const [name, during] of Object.entries(listsOf('during', 1))) {
      expect([name, during]).toEqual([name, [listsOf('after', 1)[name]?.[0], listsOf('before', 1)[name]?.[0]]]);
      expect([name, during.map(({ hashKeyId }) => hashKeyId)]).toEqual([name, ['k2', 'k1']]);
    }
    expect(listsOf('during', 0).precedingCalls).toEqual([]);
  });

  test('what went downstream is another key than before the rotation, and events say so; after it, it is the same', () => {
    const [before, during, after] = [phases.before[0], phases.during[0], phases.after[0]];
    expect(during?.sent).not.toBe(before?.sent);
    expect(during?.call.downstreamKeys.map(({ hashKeyId }) => hashKeyId)).toEqual(['k2', 'k1']);
    expect(during?.call.downstreamKeys[1]?.digest).not.toBe(before?.call.downstreamKeys[0]?.digest);
    expect(after?.sent).toBe(during?.sent);
    expect(after?.call.downstreamKeys[0]).toEqual(during?.call.downstreamKeys[0]);
  });

  test('leaves stand under the current key, which the event names once', () => {
    const [before, during, after] = [phases.before[0]?.call, phases.during[0]?.call, phases.after[0]?.call];
    expect([before?.leafHashKeyId, during?.leafHashKeyId, after?.leafHashKeyId]).toEqual(['k1', 'k2', 'k2']);
    expect(during?.argumentDigests).toEqual(after?.argumentDigests);
    expect(during?.argumentDigests).not.toEqual(before?.argumentDigests);
    expect(eventOf(EMPTY_POLICY, { input: new Map() }).leafHashKeyId).toBeNull();
  });
});

describe('what strangers call ids', () => {
  test('becomes an id that an event can carry', () => {
    const long = 'x'.repeat(600);
    const event = eventOf(EMPTY_POLICY, { tool: '', toolCallId: 'a\nb\ud800', groundedOn: [long, ''] });
    expect([event.tool, event.toolCallId]).toEqual(['?', 'a\ufffdb\ufffd']);
    expect(event.groundedOn).toEqual([long.slice(0, 512), '?']);
  });

  test('documents: numbers as text, odd scores dropped, at most 256', () => {
    const documents = [
      { id: 7 as unknown as string, tenantId: '', score: Number.NaN },
      ...Array.from({ length: 300 }, (_, index) => ({ id: `d${index}`, tenantId: 'acme', score: 0.5 })),
    ];
    const { value } = builderOf().retrievalEvent(
      RUN,
      { retrievalId: EXECUTION, stepIndex: 0, dataSource: 'docs', query: 1n, documents },
      AT,
    );
    expect(faultsOf('RetrievalEvent', value as never)).toEqual([]);
    expect(value).toMatchObject({ documentsOmitted: 45, queryHashes: [] });
    expect((value as RetrievalEvent).documents[0]).toEqual({ id: '7', tenantId: null, score: null });
  });
});

test('a replay of the same calls gives the same events', () => {
  const replay = () => {
    const builder = builderOf();
    const tracker = new RunTracker();
    const call = { tool: 'charge', input: { invoice_id: 'i', amount: 1 }, stepIndex: 0, executionId: EXECUTION };
    const prepared = builder.prepareCall(RUN, call, tracker);
    return [
      builder.runEvent(RUN, 'started', AT),
      builder.started(prepared, AT),
      builder.settled(prepared, 'unknown', { ...AT, durationMs: 12.5 }),
      builder.runEvent(RUN, 'ended', AT, 'succeeded'),
    ];
  };
  expect(replay()).toEqual(replay());
  expect(replay().map(({ value }) => value.sequence)).toEqual([0, 1, 2, 3]);
});

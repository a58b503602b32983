/** Valid records of every kind, generated from the schemas: what a schema does not say (bounds, fields that depend on each other) is added here. */
import fc from 'fast-check';
import { currentSchema } from '../src/current.ts';
import type { AnyRecord, Cause, RecordName, RecordTypes, Severity, ToolPhase } from '../src/index.ts';
import type { RecordNode, SchemaNode } from '../src/schema.ts';

const FIRST_TIME = Date.UTC(2000, 0);
const END_TIME = Date.UTC(2100, 0);

/** Ids and names: any script, no control characters. */
export function arbitraryId(): fc.Arbitrary<string> {
  return fc.string({ unit: 'binary', minLength: 1, maxLength: 24 }).map((text) => text.replace(/\p{Cc}/gu, '_'));
}

const text = fc.string({ unit: 'binary', maxLength: 64 });
const count = fc.nat({ max: 2 ** 31 - 1 });
const long = fc.oneof(fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1 }));
const uuid = fc.uuid();
const bytes = fc.uint8Array({ maxLength: 48 }).map((array) => Buffer.from(array));

function base64url(length: number): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array).toString('base64url'));
}

/** Fields whose bounds are narrower than their type's, by record and field. */
const NARROWER: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  'ArgumentDigest.digest': base64url(8),
  'ArgumentDigest.path': text,
  'DeadLetter.detail': text,
  'DeadLetter.valueSha256': fc.stringMatching(/^[0-9a-f]{64}$/),
  'DisclosedField.json': fc.json({ maxDepth: 1 }),
  'DisclosedField.path': text,
  'Header.name': text,
  'KeyedDigest.digest': base64url(32),
  'Poll.max': fc.integer({ min: 1, max: 1000 }),
  'ToolCallEvent.deadlineMs': fc.integer({ min: 1 }),
  attempt: fc.integer({ min: 1, max: 1000 }),
  durationMs: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
  occurredAt: fc.integer({ min: FIRST_TIME, max: END_TIME - 1 }),
  phase: fc.constant('started'),
  score: fc.double({ noNaN: true, noDefaultInfinity: true }),
  status: fc.constant(null),
  traceId: fc.stringMatching(/^[0-9a-f]{32}$/),
};

/** Most items of a generated array. */
const ITEMS: Readonly<Record<string, number>> = {
  inputHashes: 2,
  queryHashes: 2,
  digests: 2,
  occurrences: 2,
  approvals: 2,
  downstreamKeys: 2,
  precedingCalls: 2,
  resultHashes: 2,
  latest: 8,
};

function arbitraryOf(node: SchemaNode, owner: string, field: string): fc.Arbitrary<unknown> {
  const narrower = NARROWER[`${owner}.${field}`] ?? NARROWER[field];
  switch (node.kind) {
    case 'union': {
      const [, inner] = node.branches;
      return inner === undefined ? fc.constant(null) : fc.option(arbitraryOf(inner, owner, field));
    }
    case 'array': {
      const items = fc.array(arbitraryOf(node.items, owner, field), { maxLength: ITEMS[field] ?? 12 });
      return field in ITEMS && field !== 'latest' ? items.map(uniqueKeyIds) : items;
    }
    case 'record':
      return arbitraryRecord(node);
    case 'enum':
      return narrower ?? fc.constantFrom(...node.symbols);
    case 'string':
      return narrower ?? (node.logicalType === 'uuid' ? uuid : arbitraryId());
    case 'int':
      return narrower ?? count;
    case 'long':
      return narrower ?? long;
    case 'double':
      return narrower ?? fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    case 'bytes':
      return bytes;
    default:
      throw new TypeError(`no arbitrary for ${node.kind}`);
  }
}

function uniqueKeyIds(items: unknown[]): unknown[] {
  return items.filter((item, i) => i === 0 || (item as { hashKeyId: string }).hashKeyId !== (items[0] as { hashKeyId: string }).hashKeyId);
}

function arbitraryRecord(node: RecordNode): fc.Arbitrary<Record<string, unknown>> {
  const owner = node.name.slice(node.name.lastIndexOf('.') + 1);
  return fc.record(Object.fromEntries(node.fields.map(({ name, type }) => [name, arbitraryOf(type, owner, name)])));
}

function generated<N extends RecordName>(name: N): fc.Arbitrary<RecordTypes[N]> {
  return arbitraryRecord(currentSchema(name)) as unknown as fc.Arbitrary<RecordTypes[N]>;
}

const PHASES = ['started', 'succeeded', 'failed', 'unknown', 'replayed', 'compensated'] as const satisfies readonly ToolPhase[];

/** Valid tool-call events of every phase. */
export function arbitraryToolCallEvent(): fc.Arbitrary<RecordTypes['ToolCallEvent']> {
  return fc.tuple(generated('ToolCallEvent'), fc.constantFrom(...PHASES)).map(([event, phase]) => ({
    ...event,
    phase,
    unhashable: event.inputHashes.length > 0 ? null : event.unhashable,
    leafHashKeyId: event.argumentDigests.length > 0 ? (event.leafHashKeyId ?? 'k1') : event.leafHashKeyId,
    ...(phase === 'started' ? { resultHashes: [], durationMs: null } : {}),
  }));
}

/** Valid run events; ended ones have a status or none. */
export function arbitraryRunEvent(): fc.Arbitrary<RecordTypes['RunEvent']> {
  return fc
    .tuple(generated('RunEvent'), fc.constantFrom('started', 'suspended', 'ended'), fc.constantFrom(null, 'succeeded', 'failed'))
    .map(([event, phase, status]) => ({ ...event, phase, status: phase === 'ended' ? status : null }));
}

export function arbitraryRetrievalEvent(): fc.Arbitrary<RecordTypes['RetrievalEvent']> {
  return generated('RetrievalEvent');
}

export function arbitraryClockTick(): fc.Arbitrary<RecordTypes['ClockTick']> {
  return generated('ClockTick');
}

/** Alerts of the right shape and within bounds; their fields need not agree as a detector's would. */
export function arbitraryAlert(): fc.Arbitrary<RecordTypes['Alert']> {
  const severity: fc.Arbitrary<Severity> = fc.constantFrom('info', 'warning', 'critical');
  const cause: fc.Arbitrary<Cause | null> = fc.constantFrom(null, 'same_call', 'run_retry', 'replan');
  return fc.tuple(generated('Alert'), severity, cause).map(([alert, s, c]) => ({ ...alert, severity: s, cause: c }));
}

export function arbitraryDeadLetter(): fc.Arbitrary<RecordTypes['DeadLetter']> {
  return generated('DeadLetter');
}

/** One arbitrary for every record. */
export const ARBITRARIES: { readonly [N in RecordName]: () => fc.Arbitrary<RecordTypes[N]> } = {
  Alert: arbitraryAlert,
  ClockTick: arbitraryClockTick,
  DeadLetter: arbitraryDeadLetter,
  RetrievalEvent: arbitraryRetrievalEvent,
  RunEvent: arbitraryRunEvent,
  ToolCallEvent: arbitraryToolCallEvent,
};

/** Any valid record with its name. */
export function arbitraryAnyRecord(): fc.Arbitrary<AnyRecord> {
  const records = Object.entries(ARBITRARIES).map(([name, arbitrary]) =>
    (arbitrary() as fc.Arbitrary<unknown>).map((value) => ({ name, value }) as unknown as AnyRecord),
  );
  return fc.oneof(...records);
}

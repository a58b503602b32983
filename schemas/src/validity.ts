/**
 * What makes a record invalid: the one table. Every reason has its sentence here, every field of every record its bounds; a new field or
 * record does not compile until it has them. The reasons are stable: they are the codes of dead letters.
 */
import type { Check } from './bounds.ts';
import {
  across,
  anything,
  both,
  clock,
  digest,
  duration,
  finite,
  from,
  id,
  list,
  MAX_ID_CHARS,
  optional,
  record,
  sha256Hex,
  specified,
  text,
  traceId,
  uuid,
} from './bounds.ts';
import type { Fault } from './faults.ts';
import type {
  Alert,
  ArgumentDigest,
  ClockTick,
  DeadLetter,
  DisclosedField,
  DocumentRef,
  EffectKey,
  Evidence,
  EvidenceExecution,
  Header,
  KeyedDigest,
  LedgerAnswer,
  Poll,
  RecordName,
  RecordTypes,
  RetrievalEvent,
  RunEvent,
  ToolCallEvent,
} from './generated/types.ts';
import { isKeyOf } from './key.ts';

/** Of the record as bytes, before it is decoded. */
export const BYTE_REASONS = {
  no_value: 'The record has no value, or an empty one.',
  too_large: 'The value is longer than its kind of record may be.',
  bad_magic: 'The value does not start with the byte 0 of the wire format.',
  unknown_schema: 'The registry has no schema of the id in the wire format.',
  unsupported_schema: 'The writer schema is refused: no Avro record schema, recursive, too deep, too large, or with values of width zero.',
  incompatible_schema: 'The writer schema cannot be read as the current one of its record.',
  unexpected_record: 'The record is none of those that travel on this topic.',
  truncated: 'The value ends before its last field does.',
  trailing_bytes: 'Bytes are left after the last field.',
  bad_varint: 'A whole number does not end within ten bytes.',
  number_out_of_range: 'A whole number is outside what its type, or an exact JavaScript number, holds.',
  negative_length: 'A length is below 0.',
  bad_union_index: 'A union names a branch that it does not have.',
  bad_enum_index: 'An enum names a symbol that it does not have.',
  bad_boolean: 'A boolean is neither 0 nor 1.',
  bad_block: 'A block of an array or map has another size than it says.',
  bad_utf8: 'Text is not UTF-8.',
  too_many_items: 'An array has more items than it may.',
} as const;

/** Of a value in hand: decoded, about to be encoded, or posted as JSON. */
export const VALUE_REASONS = {
  wrong_shape: 'A field is missing, unknown, or of another type than its schema says.',
  not_well_formed: 'Text holds a lone surrogate, which UTF-8 cannot carry.',
  too_large: BYTE_REASONS.too_large,
  too_many_items: BYTE_REASONS.too_many_items,
  number_out_of_range: BYTE_REASONS.number_out_of_range,
  empty_id: 'An id or name is empty: what carries none is refused, not defaulted.',
  id_too_long: `An id or name has over ${MAX_ID_CHARS} characters.`,
  control_character: 'An id or name holds a control character.',
  too_long: 'Text is longer than its field may be.',
  bad_uuid: 'An id is no UUID in lower case.',
  bad_trace_id: 'A trace id is not 32 hex digits in lower case.',
  bad_digest: 'A digest has not the length or alphabet of its kind.',
  duplicate_hash_key: 'Two digests of one list are under the same key id.',
  missing_hash_key: 'Digests do not say which key they are under.',
  below_minimum: 'A number is below its least value.',
  not_finite: 'A number is infinite or none.',
  time_out_of_bounds: 'The agent’s clock is not from 2000 to before 2100, in milliseconds.',
  unspecified_phase: 'The event says nothing of what happened: no phase, or one that this version does not know.',
  inconsistent_outcome: 'A field speaks of an outcome that the phase has not reached.',
  inconsistent_hash: 'The input has a hash and a reason why it has none.',
} as const;

/** Of a record as it stands in the log. */
export const KEY_REASONS = {
  key_mismatch: 'The record’s key is not the one of its tenant and workflow.',
} as const;

export type ByteReason = keyof typeof BYTE_REASONS;
export type ValueReason = keyof typeof VALUE_REASONS;
export type KeyReason = keyof typeof KEY_REASONS;
/** Why bytes are no record, or a record is none to be judged. Stable: they are the reasons of dead letters. */
export type InvalidReason = ByteReason | ValueReason | KeyReason;

/** Every reason with its sentence. */
export const INVALID_REASONS: Readonly<Record<InvalidReason, string>> = { ...BYTE_REASONS, ...VALUE_REASONS, ...KEY_REASONS };

const keyedDigest = record<KeyedDigest>({ hashKeyId: id, digest: digest(43) });

/** One pair, two while a key is being rotated. */
const hashes: Check<readonly KeyedDigest[]> = both(
  list(2, keyedDigest),
  across('duplicate_hash_key', 'two digests under one key id', ([first, second]) =>
    first !== undefined && second !== undefined && first.hashKeyId === second.hashKeyId ? '[1].hashKeyId' : undefined,
  ),
);
const effectKey = record<EffectKey>({ digests: hashes, scope: anything, source: anything });
const argumentDigest = record<ArgumentDigest>({ path: text(1024), digest: digest(11), kind: anything });
const disclosed = list(256, record<DisclosedField>({ path: text(1024), json: text(1024) }));
const documents = list(256, record<DocumentRef>({ id, tenantId: optional(id), score: optional(finite) }));

/** What RunEvent, ToolCallEvent and RetrievalEvent share. */
const envelope = {
  tenantId: id,
  workflowId: id,
  runId: id,
  attempt: from(1),
  parentRunId: optional(id),
  conversationId: optional(id),
  agentId: optional(id),
  agentVersion: optional(id),
  occurredAt: clock,
  emitterId: uuid,
  sequence: from(0),
  policyVersion: optional(id),
  traceId: optional(traceId),
};

const runEvent = record<RunEvent>(
  { ...envelope, incarnation: from(0), phase: specified, status: anything },
  across('inconsistent_outcome', 'set although the run has not ended', ({ phase, status }) =>
    status !== null && phase !== 'ended' ? 'status' : undefined,
  ),
);

const toolCallEvent = record<ToolCallEvent>(
  {
    ...envelope,
    stepIndex: from(0),
    toolCallId: optional(id),
    executionId: uuid,
    parentExecutionId: optional(uuid),
    phase: specified,
    tool: id,
    effectName: id,
    effectClass: anything,
    effectClassSource: anything,
    inputHashes: hashes,
    unhashable: optional(id),
    effectKey: optional(effectKey),
    occurrences: hashes,
    approvals: hashes,
    downstreamKeys: hashes,
    executionCount: from(0),
    precedingCalls: hashes,
    leafHashKeyId: optional(id),
    argumentDigests: list(32, argumentDigest),
    argumentDigestsOmitted: from(0),
    resultHashes: hashes,
    groundedOn: list(256, id),
    poll: optional(record<Poll>({ max: from(1), minIntervalMs: optional(from(0)) })),
    deadlineMs: optional(from(1)),
    durationMs: optional(duration),
    ledger: optional(record<LedgerAnswer>({ mode: anything, answer: anything })),
    disclosed,
  },
  across('inconsistent_outcome', 'set although the execution has only started', ({ phase, resultHashes, durationMs }) => {
    if (phase !== 'started') return undefined;
    if (resultHashes.length > 0) return 'resultHashes';
    return durationMs !== null ? 'durationMs' : undefined;
  }),
  across('inconsistent_hash', 'set although the input has a hash', ({ unhashable, inputHashes }) =>
    unhashable !== null && inputHashes.length > 0 ? 'unhashable' : undefined,
  ),
  across('missing_hash_key', 'none although there are digests of leaves', ({ leafHashKeyId, argumentDigests }) =>
    leafHashKeyId === null && argumentDigests.length > 0 ? 'leafHashKeyId' : undefined,
  ),
);

const retrievalEvent = record<RetrievalEvent>({
  ...envelope,
  stepIndex: from(0),
  retrievalId: uuid,
  executionId: optional(uuid),
  toolCallId: optional(id),
  dataSource: id,
  queryHashes: hashes,
  documents,
  documentsOmitted: from(0),
  durationMs: optional(duration),
  disclosed,
});

const evidenceExecution = record<EvidenceExecution>({
  executionId: uuid,
  runId: id,
  attempt: from(1),
  stepIndex: from(0),
  offset: from(0),
  logTime: from(0),
  outcome: anything,
});

/** Rule, severity and cause may be unspecified: an older subscriber must survive a newer detector's rule. */
const alert = record<Alert>({
  alertId: id,
  revision: from(0),
  rule: anything,
  ruleVersion: from(0),
  severity: anything,
  cause: anything,
  summary: text(8192),
  suggestion: optional(text(8192)),
  tenantId: id,
  workflowId: id,
  runId: id,
  attempt: from(1),
  stepIndex: from(0),
  agentId: optional(id),
  executionId: optional(uuid),
  retrievalId: optional(uuid),
  tool: optional(id),
  effectName: optional(id),
  effectClass: anything,
  subject: optional(text(2048)),
  partition: from(0),
  offset: from(0),
  logTime: from(0),
  policyVersion: optional(id),
  windowComplete: anything,
  evidence: record<Evidence>({
    executionsInRun: from(0),
    executionsAcrossRuns: from(0),
    runs: from(0),
    judgedAgainst: optional(evidenceExecution),
    first: optional(evidenceExecution),
    lastEffective: optional(evidenceExecution),
    latest: list(8, evidenceExecution),
    documents,
    dataSource: optional(id),
    incomparable: from(0),
  }),
});

/** Of the bytes nothing is asked: a dead letter must be writable whatever the record was. */
const deadLetter = record<DeadLetter>({
  reason: id,
  detail: text(8192),
  topic: id,
  partition: from(0),
  offset: from(0),
  logTime: from(0),
  key: anything,
  value: anything,
  valueTruncated: anything,
  valueBytes: from(0),
  valueSha256: optional(sha256Hex),
  headers: list(65_536, record<Header>({ name: anything, value: anything })),
});

/** The bounds of every record. */
export const BOUNDS: { readonly [N in RecordName]: Check<RecordTypes[N]> } = {
  Alert: alert,
  ClockTick: record<ClockTick>({ occurredAt: clock }),
  DeadLetter: deadLetter,
  RetrievalEvent: retrievalEvent,
  RunEvent: runEvent,
  ToolCallEvent: toolCallEvent,
};

/** Longest value of a record, wire format included: events fit a broker's default of 1 MiB, dead letters twice that. */
export const MAX_VALUE_BYTES: Readonly<Record<RecordName, number>> = {
  Alert: 1_000_000,
  ClockTick: 1_000,
  DeadLetter: 2_000_000,
  RetrievalEvent: 1_000_000,
  RunEvent: 1_000_000,
  ToolCallEvent: 1_000_000,
};

/** Whether the key is the one that a record with this value must have; records that are in no workflow are not asked. */
export const KEYS: { readonly [N in RecordName]: (key: Buffer | null, value: RecordTypes[N]) => boolean } = {
  Alert: () => true,
  ClockTick: (key) => key === null,
  DeadLetter: () => true,
  RetrievalEvent: keyOfWorkflow,
  RunEvent: keyOfWorkflow,
  ToolCallEvent: keyOfWorkflow,
};

function keyOfWorkflow(key: Buffer | null, value: { readonly tenantId: string; readonly workflowId: string }): boolean {
  return key !== null && isKeyOf(key, value.tenantId, value.workflowId);
}

/** What is wrong with a value of the right shape: empty where it is valid. */
export function faultsOf<N extends RecordName>(name: N, value: RecordTypes[N]): readonly Fault<ValueReason>[] {
  const faults: Fault<ValueReason>[] = [];
  BOUNDS[name].run(value, faults);
  return faults;
}

/** Records as tests need them: valid ones to change, bytes that no codec would write. */

import { avroType } from '../src/avro-type.ts';
import { currentSchema } from '../src/current.ts';
import type { AnyRecord, RawRecord, RecordName, RecordTypes, SchemaRegistry } from '../src/index.ts';
import { eventKey, RegistryError } from '../src/index.ts';
import { schemaId } from '../src/schema-id.ts';

const DIGEST = 'A'.repeat(43);
const UUID = '01935b2e-7c4a-7d21-9f10-0123456789ab';

const envelope = {
  tenantId: 'acme',
  workflowId: 'invoice-run-7',
  runId: 'run-1',
  attempt: 1,
  parentRunId: null,
  conversationId: null,
  agentId: 'billing',
  agentVersion: '1.4.2',
  occurredAt: 1_760_000_000_000,
  emitterId: UUID,
  sequence: 7,
  policyVersion: '3',
  traceId: null,
};

/** A valid record of every kind. */
export const SAMPLES: RecordTypes = {
  RunEvent: { ...envelope, incarnation: 0, phase: 'started', status: null },
  ToolCallEvent: {
    ...envelope,
    stepIndex: 2,
    toolCallId: 'call_1',
    executionId: UUID,
    parentExecutionId: null,
    phase: 'succeeded',
    tool: 'send_invoice',
    effectName: 'send_invoice',
    effectClass: 'write',
    effectClassSource: 'code',
    inputHashes: [{ hashKeyId: 'k1', digest: DIGEST }],
    unhashable: null,
    effectKey: { digests: [{ hashKeyId: 'k1', digest: DIGEST }], scope: 'workflow', source: 'declared' },
    occurrences: [],
    approvals: [],
    downstreamKeys: [],
    executionCount: 1,
    precedingCalls: [{ hashKeyId: 'k1', digest: DIGEST }],
    leafHashKeyId: 'k1',
    argumentDigests: [{ path: 'invoice_id', digest: 'AAAAAAAAAAA', kind: 'id' }],
    argumentDigestsOmitted: 0,
    resultHashes: [{ hashKeyId: 'k1', digest: DIGEST }],
    groundedOn: [],
    poll: null,
    deadlineMs: null,
    durationMs: 12.75,
    ledger: null,
    disclosed: [],
  },
  RetrievalEvent: {
    ...envelope,
    stepIndex: 1,
    retrievalId: UUID,
    executionId: null,
    toolCallId: null,
    dataSource: 'contracts',
    queryHashes: [{ hashKeyId: 'k1', digest: DIGEST }],
    documents: [{ id: 'doc-1', tenantId: 'acme', score: 0.5 }],
    documentsOmitted: 0,
    durationMs: 3,
    disclosed: [],
  },
  ClockTick: { occurredAt: 1_760_000_000_000 },
  Alert: {
    alertId: DIGEST,
    revision: 12,
    rule: 'duplicate_execution',
    ruleVersion: 1,
    severity: 'critical',
    cause: 'run_retry',
    summary: 'send_invoice was executed twice.',
    suggestion: null,
    tenantId: 'acme',
    workflowId: 'invoice-run-7',
    runId: 'run-2',
    attempt: 2,
    stepIndex: 2,
    agentId: 'billing',
    executionId: UUID,
    retrievalId: null,
    tool: 'send_invoice',
    effectName: 'send_invoice',
    effectClass: 'write',
    subject: DIGEST,
    partition: 3,
    offset: 12,
    logTime: 1_760_000_000_000,
    policyVersion: '3',
    windowComplete: true,
    evidence: {
      executionsInRun: 1,
      executionsAcrossRuns: 2,
      runs: 2,
      judgedAgainst: null,
      first: null,
      lastEffective: null,
      latest: [],
      documents: [],
      dataSource: null,
      incomparable: 0,
    },
  },
  DeadLetter: {
    reason: 'bad_magic',
    detail: 'wire format: first byte is not 0',
    topic: 'idemtrace.events',
    partition: 3,
    offset: 12,
    logTime: 1_760_000_000_000,
    key: Buffer.from('acme/invoice-run-7'),
    value: Buffer.from([1, 2, 3]),
    valueTruncated: false,
    valueBytes: 3,
    valueSha256: null,
    headers: [{ name: 'traceparent', value: Buffer.from('00') }],
  },
};

/** The wire format's five bytes before a body. */
export function frame(id: number, body: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeInt32BE(id, 1);
  return Buffer.concat([header, body]);
}

export function idOf(name: RecordName): number {
  return schemaId(currentSchema(name));
}

/** A record's bytes without a look at its bounds: what another emitter's mistake looks like. */
export function encodeUnchecked<N extends RecordName>(name: N, value: RecordTypes[N]): Buffer {
  return frame(idOf(name), avroType(name).toBuffer(value));
}

/** The key that a record has on its topic. */
export function keyOf({ name, value }: AnyRecord): Buffer | null {
  return name === 'ClockTick' || name === 'DeadLetter' ? null : Buffer.from(eventKey(value.tenantId, value.workflowId));
}

export function raw(value: Buffer | null, key: Buffer | null = Buffer.from('acme/invoice-run-7')): RawRecord {
  return { key, value, logTime: 1_760_000_000_000 };
}

/** A registry of made-up schemas beside the current ones, which counts what it is asked. */
export function registryOf(schemas: ReadonlyMap<number, string>): SchemaRegistry & { asked: number[]; away: boolean } {
  return {
    asked: [],
    away: false,
    async idOf(name) {
      return idOf(name);
    },
    async schemaById(id) {
      this.asked.push(id);
      if (this.away) throw new RegistryError('away', 'the registry cannot be reached');
      return schemas.get(id);
    },
  };
}

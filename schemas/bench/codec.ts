/**
 * Time per record of each part of the codec's way, for a typical ToolCallEvent with eight argument digests.
 *
 * usage: codec.ts [ROUNDS]     default 7 rounds of 50,000 records; prints the median and the best round in µs a record, on one core
 */

import { avroType } from '../src/avro-type.ts';
import { createCodec } from '../src/codec.ts';
import { currentSchema } from '../src/current.ts';
import { fileRegistry } from '../src/files-registry.ts';
import type { ToolCallEvent } from '../src/generated/types.ts';
import { fromJson } from '../src/json.ts';
import { eventKey } from '../src/key.ts';
import { compileReader } from '../src/read.ts';
import { BOUNDS } from '../src/validity.ts';

const rounds = Number(process.argv[2] ?? 7);
const records = 50_000;

function base64url(seed: number, bytes: number): string {
  return Buffer.from(Array.from({ length: bytes }, (_, i) => (seed * 31 + i * 17) % 256)).toString('base64url');
}

const FIELDS = ['customer_id', 'invoice_id', 'amount', 'currency', 'memo', 'due_date', 'recipient.email', 'line_items'] as const;

function event(i: number): ToolCallEvent {
  return {
    tenantId: `tenant-${i % 3}`,
    workflowId: `invoice-run-${1000 + (i % 40)}`,
    runId: `run-${1000 + (i % 40)}-${i % 3}`,
    attempt: 1 + (i % 3),
    parentRunId: null,
    conversationId: null,
    agentId: 'billing-agent',
    agentVersion: '1.4.2',
    stepIndex: i % 10,
    toolCallId: `call_${base64url(i, 12)}`,
    executionId: `01935b2e-7c4a-7d21-9f10-${String(i).padStart(12, '0')}`,
    parentExecutionId: null,
    phase: 'succeeded',
    tool: 'send_invoice',
    effectName: 'send_invoice',
    effectClass: 'write',
    effectClassSource: 'policy',
    inputHashes: [{ hashKeyId: 'k1', digest: base64url(i, 32) }],
    unhashable: null,
    effectKey: { digests: [{ hashKeyId: 'k1', digest: base64url(i + 1, 32) }], scope: 'workflow', source: 'declared' },
    occurrences: [],
    approvals: [],
    downstreamKeys: [],
    executionCount: 1,
    precedingCalls: [{ hashKeyId: 'k1', digest: base64url(i + 2, 32) }],
    leafHashKeyId: 'k1',
    argumentDigests: FIELDS.map((path, leaf) => ({ path, digest: base64url(i * 8 + leaf, 8), kind: 'word' })),
    argumentDigestsOmitted: 0,
    resultHashes: [{ hashKeyId: 'k1', digest: base64url(i + 3, 32) }],
    groundedOn: [],
    poll: null,
    deadlineMs: null,
    durationMs: 12.75,
    ledger: null,
    disclosed: [],
    occurredAt: 1_760_000_000_000 + i,
    emitterId: '01935b2e-7c4a-7d21-9f10-000000000000',
    sequence: i,
    policyVersion: '3',
    traceId: null,
  };
}

const codec = await createCodec({ registry: fileRegistry() });
const events = Array.from({ length: 500 }, (_, i) => event(i));
const batch = events.map((value) => ({
  key: Buffer.from(eventKey(value.tenantId, value.workflowId)),
  value: codec.encode('ToolCallEvent', value),
  logTime: value.occurredAt,
}));
const schema = currentSchema('ToolCallEvent');
const read = compileReader(schema, schema);
const type = avroType('ToolCallEvent');
let sink: unknown;

async function measure(name: string, once: () => unknown): Promise<void> {
  const micros: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    for (let done = 0; done < records; done += batch.length) sink = await once();
    micros.push(((performance.now() - start) * 1000) / records);
  }
  micros.sort((a, b) => a - b);
  console.log(`${name.padEnd(24)} median ${micros[rounds >> 1]?.toFixed(2)} µs   best ${micros[0]?.toFixed(2)} µs`);
}

console.log(`${batch[0]?.value.length} bytes a record`);
await measure('encode', () => {
  for (const value of events) sink = codec.encode('ToolCallEvent', value);
});
await measure('decode, whole', () => codec.decode(batch));
await measure('  of it checked reading', () => {
  for (const { value } of batch) sink = read(value, 5);
});
await measure('  (avsc, unchecked)', () => {
  for (const { value } of batch) sink = type.decode(value, 5);
});
await measure('  of it validity', () => {
  for (const value of events) BOUNDS.ToolCallEvent.run(value, []);
});
await measure('fromJson', () => {
  for (const value of events) sink = fromJson('ToolCallEvent', value);
});
if (sink === batch) throw new Error('nothing was measured');

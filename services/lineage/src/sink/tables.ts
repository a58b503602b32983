/** The tables that the sink fills: their columns are the fields of the Avro records, by the same names, then where the record stands in the log. */
import type {
  Alert,
  AnyRecord,
  ArgumentDigest,
  DeadLetter,
  DisclosedField,
  DocumentRef,
  Evidence,
  EvidenceExecution,
  KeyedDigest,
  RetrievalEvent,
  RunEvent,
  ToolCallEvent,
} from '@idemtrace/schemas';
import type { LogRecord } from '@idemtrace/stream';
import {
  array,
  bool,
  type Column,
  column,
  encodeBlock,
  float64,
  int32,
  int64,
  nullable,
  optionalWord,
  text,
  time,
  tuple,
  word,
} from './native.ts';

/** A record that lineage keeps, and where it stands. */
export interface Row<T = unknown> {
  readonly value: T;
  readonly at: LogRecord;
}

export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  /** Rows of this table as one block of ClickHouse's Native format. Blocks of about a thousand rows cost the least. */
  readonly encode: (rows: readonly Row[]) => Buffer;
}

const optionalText = nullable(text, '');
const optionalInt32 = nullable(int32, 0);
const optionalInt64 = nullable(int64, 0);
const optionalFloat64 = nullable(float64, 0);
/** Sent as text: the server reads an id faster than it could be parsed here, and says which one is none. */
const id = text;
const optionalId = optionalText;

const keyedDigests = array(
  tuple<KeyedDigest>([column('hashKeyId', word, (pair) => pair.hashKeyId), column('digest', text, (pair) => pair.digest)]),
);
const effectKey = tuple<ToolCallEvent['effectKey']>([
  column('digests', keyedDigests, (key) => key?.digests ?? []),
  column('scope', word, (key) => key?.scope ?? ''),
  column('source', word, (key) => key?.source ?? ''),
]);
const argumentDigests = array(
  tuple<ArgumentDigest>([
    column('path', word, (leaf) => leaf.path),
    column('digest', text, (leaf) => leaf.digest),
    column('kind', word, (leaf) => leaf.kind),
  ]),
);
const disclosed = array(tuple<DisclosedField>([column('path', word, (field) => field.path), column('json', text, (field) => field.json)]));
const documents = array(
  tuple<DocumentRef>([
    column('id', text, (document) => document.id),
    column('tenantId', optionalWord, (document) => document.tenantId),
    column('score', optionalFloat64, (document) => document.score),
  ]),
);

function table<T>(name: string, fields: readonly Column<T>[]): Table {
  const columns: readonly Column<Row<T>>[] = [
    ...fields.map(({ name: field, type, of }) => column<Row<T>, unknown>(field, type, (row) => of(row.value))),
    column('recordTopic', word, (row) => row.at.topic),
    column('recordPartition', int32, (row) => row.at.partition),
    column('recordOffset', int64, (row) => row.at.offset),
    column('recordTime', time, (row) => row.at.logTime),
  ];
  return { name, columns: columns.map((each) => each.name), encode: (rows) => encodeBlock(columns, rows as readonly Row<T>[]) };
}

/** What every event says of its run. */
function scopeColumns<T extends RunEvent | ToolCallEvent | RetrievalEvent>(): readonly Column<T>[] {
  return [
    column('tenantId', word, (v) => v.tenantId),
    column('workflowId', text, (v) => v.workflowId),
    column('runId', text, (v) => v.runId),
    column('attempt', int32, (v) => v.attempt),
    column('parentRunId', optionalText, (v) => v.parentRunId),
    column('conversationId', optionalText, (v) => v.conversationId),
    column('agentId', optionalWord, (v) => v.agentId),
    column('agentVersion', optionalWord, (v) => v.agentVersion),
  ];
}

/** What every event says of where it was emitted. */
function originColumns<T extends RunEvent | ToolCallEvent | RetrievalEvent>(): readonly Column<T>[] {
  return [
    column('occurredAt', time, (v) => v.occurredAt),
    column('emitterId', id, (v) => v.emitterId),
    column('sequence', int64, (v) => v.sequence),
    column('policyVersion', optionalWord, (v) => v.policyVersion),
    column('traceId', optionalText, (v) => v.traceId),
  ];
}

const RUN_EVENTS = table<RunEvent>('run_events', [
  ...scopeColumns<RunEvent>(),
  column('incarnation', int32, (v) => v.incarnation),
  column('phase', word, (v) => v.phase),
  column('status', optionalWord, (v) => v.status),
  ...originColumns<RunEvent>(),
]);

const TOOL_CALL_EVENTS = table<ToolCallEvent>('tool_call_events', [
  ...scopeColumns<ToolCallEvent>(),
  column('stepIndex', int32, (v) => v.stepIndex),
  column('toolCallId', optionalText, (v) => v.toolCallId),
  column('executionId', id, (v) => v.executionId),
  column('parentExecutionId', optionalId, (v) => v.parentExecutionId),
  column('phase', word, (v) => v.phase),
  column('tool', word, (v) => v.tool),
  column('effectName', word, (v) => v.effectName),
  column('effectClass', word, (v) => v.effectClass),
  column('effectClassSource', word, (v) => v.effectClassSource),
  column('inputHashes', keyedDigests, (v) => v.inputHashes),
  column('unhashable', optionalWord, (v) => v.unhashable),
  column('effectKey', effectKey, (v) => v.effectKey),
  column('occurrences', keyedDigests, (v) => v.occurrences),
  column('approvals', keyedDigests, (v) => v.approvals),
  column('downstreamKeys', keyedDigests, (v) => v.downstreamKeys),
  column('executionCount', int32, (v) => v.executionCount),
  column('precedingCalls', keyedDigests, (v) => v.precedingCalls),
  column('leafHashKeyId', optionalWord, (v) => v.leafHashKeyId),
  column('argumentDigests', argumentDigests, (v) => v.argumentDigests),
  column('argumentDigestsOmitted', int32, (v) => v.argumentDigestsOmitted),
  column('resultHashes', keyedDigests, (v) => v.resultHashes),
  column('groundedOn', array(text), (v) => v.groundedOn),
  column('pollMax', optionalInt32, (v) => v.poll?.max ?? null),
  column('pollMinIntervalMs', optionalInt64, (v) => v.poll?.minIntervalMs ?? null),
  column('deadlineMs', optionalInt64, (v) => v.deadlineMs),
  column('durationMs', optionalFloat64, (v) => v.durationMs),
  column('ledgerMode', optionalWord, (v) => v.ledger?.mode ?? null),
  column('ledgerAnswer', optionalWord, (v) => v.ledger?.answer ?? null),
  column('disclosed', disclosed, (v) => v.disclosed),
  ...originColumns<ToolCallEvent>(),
]);

const RETRIEVAL_EVENTS = table<RetrievalEvent>('retrieval_events', [
  ...scopeColumns<RetrievalEvent>(),
  column('stepIndex', int32, (v) => v.stepIndex),
  column('retrievalId', id, (v) => v.retrievalId),
  column('executionId', optionalId, (v) => v.executionId),
  column('toolCallId', optionalText, (v) => v.toolCallId),
  column('dataSource', word, (v) => v.dataSource),
  column('queryHashes', keyedDigests, (v) => v.queryHashes),
  column('documents', documents, (v) => v.documents),
  column('documentsOmitted', int32, (v) => v.documentsOmitted),
  column('durationMs', optionalFloat64, (v) => v.durationMs),
  column('disclosed', disclosed, (v) => v.disclosed),
  ...originColumns<RetrievalEvent>(),
]);

const evidenceExecution = tuple<EvidenceExecution | null>([
  column('executionId', text, (execution) => execution?.executionId ?? ''),
  column('runId', text, (execution) => execution?.runId ?? ''),
  column('attempt', int32, (execution) => execution?.attempt ?? 0),
  column('stepIndex', int32, (execution) => execution?.stepIndex ?? 0),
  column('offset', int64, (execution) => execution?.offset ?? 0),
  column('logTime', time, (execution) => execution?.logTime ?? 0),
  column('outcome', word, (execution) => execution?.outcome ?? ''),
]);
const evidence = tuple<Evidence>([
  column('executionsInRun', int32, (v) => v.executionsInRun),
  column('executionsAcrossRuns', int32, (v) => v.executionsAcrossRuns),
  column('runs', int32, (v) => v.runs),
  column('judgedAgainst', evidenceExecution, (v) => v.judgedAgainst),
  column('first', evidenceExecution, (v) => v.first),
  column('lastEffective', evidenceExecution, (v) => v.lastEffective),
  column('latest', array<EvidenceExecution | null>(evidenceExecution), (v) => v.latest),
  column('documents', documents, (v) => v.documents),
  column('dataSource', optionalWord, (v) => v.dataSource),
  column('incomparable', int32, (v) => v.incomparable),
]);

const ALERTS = table<Alert>('alerts', [
  column('alertId', text, (v) => v.alertId),
  column('revision', int64, (v) => v.revision),
  column('rule', word, (v) => v.rule),
  column('ruleVersion', int32, (v) => v.ruleVersion),
  column('severity', word, (v) => v.severity),
  column('cause', optionalWord, (v) => v.cause),
  column('summary', text, (v) => v.summary),
  column('suggestion', optionalText, (v) => v.suggestion),
  column('tenantId', word, (v) => v.tenantId),
  column('workflowId', text, (v) => v.workflowId),
  column('runId', text, (v) => v.runId),
  column('attempt', int32, (v) => v.attempt),
  column('stepIndex', int32, (v) => v.stepIndex),
  column('agentId', optionalWord, (v) => v.agentId),
  column('executionId', optionalId, (v) => v.executionId),
  column('retrievalId', optionalId, (v) => v.retrievalId),
  column('tool', optionalWord, (v) => v.tool),
  column('effectName', optionalWord, (v) => v.effectName),
  column('effectClass', optionalWord, (v) => v.effectClass),
  column('subject', optionalText, (v) => v.subject),
  column('partition', int32, (v) => v.partition),
  column('offset', int64, (v) => v.offset),
  column('logTime', time, (v) => v.logTime),
  column('policyVersion', optionalWord, (v) => v.policyVersion),
  column('windowComplete', bool, (v) => v.windowComplete),
  column('evidence', evidence, (v) => v.evidence),
]);

const headers = array(
  tuple<DeadLetter['headers'][number]>([
    column('name', text, (header) => header.name),
    column('valueBase64', text, (header) => header.value.toString('base64')),
  ]),
);

const DEAD_LETTERS = table<DeadLetter>('dead_letters', [
  column('reason', word, (v) => v.reason),
  column('detail', text, (v) => v.detail),
  column('topic', word, (v) => v.topic),
  column('partition', int32, (v) => v.partition),
  column('offset', int64, (v) => v.offset),
  column('logTime', time, (v) => v.logTime),
  column('keyBase64', optionalText, (v) => v.key?.toString('base64') ?? null),
  column('valueBase64', optionalText, (v) => v.value?.toString('base64') ?? null),
  column('valueTruncated', bool, (v) => v.valueTruncated),
  column('valueBytes', int64, (v) => v.valueBytes),
  column('valueSha256', optionalText, (v) => v.valueSha256),
  column('headers', headers, (v) => v.headers),
]);

/** Where the records of a schema go; undefined for what lineage does not keep. */
export const TABLE_OF: { readonly [N in AnyRecord['name']]: Table | undefined } = {
  RunEvent: RUN_EVENTS,
  ToolCallEvent: TOOL_CALL_EVENTS,
  RetrievalEvent: RETRIEVAL_EVENTS,
  ClockTick: undefined,
  Alert: ALERTS,
  DeadLetter: DEAD_LETTERS,
};

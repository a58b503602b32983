/** Events and alerts as they were sent, read back from their rows. */
import type { ClickHouseClient } from '@clickhouse/client';
import type {
  Alert,
  EffectKey,
  Evidence,
  EvidenceExecution,
  LedgerAnswer,
  RetrievalEvent,
  RunEvent,
  ToolCallEvent,
} from '@idemtrace/schemas';
import type { Positioned } from '../view.ts';
import type { EventRecord } from '../workflow-view.ts';
import { askTenant, type TenantScope } from './ask.ts';

export interface EventFilter extends TenantScope {
  readonly workflowId?: string | undefined;
  readonly runId?: string | undefined;
}

interface Position {
  readonly recordPartition: number;
  readonly recordOffset: number;
  readonly recordTime: number;
}

const POSITION_COLUMNS = ['recordPartition', 'recordOffset', 'recordTime'] as const;

/** Structures that ClickHouse cannot hold as NULL come back empty. */
type RunRow = RunEvent & Position;
type RetrievalRow = RetrievalEvent & Position;
type ToolCallRow = Omit<ToolCallEvent, 'effectKey' | 'poll' | 'ledger'> &
  Position & {
    readonly effectKey: EffectKey;
    readonly pollMax: number | null;
    readonly pollMinIntervalMs: number | null;
    readonly ledgerMode: LedgerAnswer['mode'] | null;
    readonly ledgerAnswer: LedgerAnswer['answer'] | null;
  };

/** The events that a filter lets through, each once, in the order of the log. */
export async function readEvents(client: ClickHouseClient, filter: EventFilter): Promise<readonly Positioned<EventRecord>[]> {
  const { tenantId, workflowId = null, runId = null } = filter;
  const where = [
    'tenantId = {tenantId:String}',
    workflowId === null ? '' : 'AND workflowId = {workflowId:String}',
    runId === null ? '' : 'AND runId = {runId:String}',
  ].join(' ');
  const select = (view: string): string =>
    `SELECT * EXCEPT (insertedAt, redeliveries, recordTopic) REPLACE (
      toUnixTimestamp64Milli(occurredAt) AS occurredAt, toUnixTimestamp64Milli(recordTime) AS recordTime
    ) FROM ${view} WHERE ${where}`;
  const parameters = { tenantId, workflowId, runId };
  const [runs, calls, retrievals] = await Promise.all([
    askTenant<RunRow>(client, select('run_events_once'), parameters, [...POSITION_COLUMNS, 'incarnation']),
    askTenant<ToolCallRow>(client, select('tool_call_events_once'), parameters, [...POSITION_COLUMNS, 'inputHashes', 'pollMax']),
    askTenant<RetrievalRow>(client, select('retrieval_events_once'), parameters, [...POSITION_COLUMNS, 'documents']),
  ]);
  const events: Positioned<EventRecord>[] = [
    ...runs.map((row) => positioned(row, (value) => ({ name: 'RunEvent' as const, value }))),
    ...calls.map((row) => positioned(row, (value) => ({ name: 'ToolCallEvent' as const, value: toolCallOf(value) }))),
    ...retrievals.map((row) => positioned(row, (value) => ({ name: 'RetrievalEvent' as const, value }))),
  ];
  return events.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

function positioned<R extends Position>(row: R, toRecord: (value: Omit<R, keyof Position>) => EventRecord): Positioned<EventRecord> {
  const { recordPartition, recordOffset, recordTime, ...value } = row;
  return { partition: recordPartition, offset: recordOffset, logTime: recordTime, value: toRecord(value) };
}

function toolCallOf(row: Omit<ToolCallRow, keyof Position>): ToolCallEvent {
  const { pollMax, pollMinIntervalMs, ledgerMode, ledgerAnswer, ...same } = row;
  return {
    ...same,
    effectKey: effectKeyOf(row.effectKey),
    poll: pollMax === null ? null : { max: pollMax, minIntervalMs: pollMinIntervalMs },
    ledger: ledgerMode === null || ledgerAnswer === null ? null : { mode: ledgerMode, answer: ledgerAnswer },
  };
}

/** An effect key as it was sent: null where its columns are empty. */
export function effectKeyOf(key: EffectKey): EffectKey | null {
  return String(key.scope) === '' ? null : key;
}

/** An execution of the evidence as a row has it: log time as ISO 8601, an empty id where there is none. */
type EvidenceExecutionRow = Omit<EvidenceExecution, 'logTime'> & { readonly logTime: string };
type EvidenceRow = Omit<Evidence, 'judgedAgainst' | 'first' | 'lastEffective' | 'latest'> & {
  readonly judgedAgainst: EvidenceExecutionRow;
  readonly first: EvidenceExecutionRow;
  readonly lastEffective: EvidenceExecutionRow;
  readonly latest: readonly EvidenceExecutionRow[];
};
export type AlertRow = Omit<Alert, 'evidence'> & { readonly evidence: EvidenceRow; readonly revisions: number };

/** Selects AlertRows from `current_alerts`, known as `a`. */
export const ALERT_SELECT = `SELECT * EXCEPT (recordTopic, recordPartition, recordOffset, recordTime, insertedAt, redeliveries)
  REPLACE (toUnixTimestamp64Milli(a.logTime) AS logTime) FROM current_alerts AS a`;

export function alertOf({ evidence, ...alert }: AlertRow): Alert & { readonly revisions: number } {
  return {
    ...alert,
    evidence: {
      ...evidence,
      judgedAgainst: evidenceExecutionOf(evidence.judgedAgainst),
      first: evidenceExecutionOf(evidence.first),
      lastEffective: evidenceExecutionOf(evidence.lastEffective),
      latest: evidence.latest.flatMap((execution) => evidenceExecutionOf(execution) ?? []),
    },
  };
}

function evidenceExecutionOf(row: EvidenceExecutionRow): EvidenceExecution | null {
  return row.executionId === '' ? null : { ...row, logTime: Date.parse(row.logTime) };
}

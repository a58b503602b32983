/** A day of three tenants and of the pipeline that watches them, through the real sink and sample writer: something for every panel. */
import { setTimeout as delay } from 'node:timers/promises';
import type { AnyRecord } from '../../../schemas/src/index.ts';
import {
  createSampleWriter,
  type ProcessKind,
  SAMPLE_METRICS,
  type Sample,
  type SampleMetricName,
} from '../../../services/lineage/src/index.ts';
import type { TestPipeline } from '../../../services/lineage/test/support/pipeline.ts';
import { alert, retrieval, runEvent, toolCall, uuid } from '../../../services/lineage/test/support/story.ts';

/** A name that would end a text wherever it is put into one without care. */
export const HOSTILE = "o'neil\\' OR 1=1 -- `\\";
export const TENANTS = ['acme', 'globex', HOSTILE] as const;
/** Owns documents that acme and the others were given; has no workflow here. */
export const OWNER = 'initech';
const SAMPLE_EVERY_MS = 10_000;
const SAMPLES = 5;

/** Every word of a tenant's that could show up in a panel starts with its name. */
function storyOf(tenantId: string, kind: number, now: number): readonly AnyRecord[] {
  const scope = { tenantId, workflowId: `${tenantId} invoice 'run' 1`, agentId: `${tenantId} agent`, emitterId: uuid(9, kind) };
  const tool = `${tenantId} charge_card`;
  const call = { ...scope, tool, effectName: tool };
  const [first, second, read] = [uuid(kind, 1), uuid(kind, 2), uuid(kind, 3)];
  const raised = {
    ...scope,
    tool,
    effectName: tool,
    executionId: second,
    logTime: now,
    summary: `${tenantId}: charge_card was executed a second time`,
  };
  return [
    { name: 'RunEvent', value: runEvent({ ...scope, runId: `${tenantId} run 1`, sequence: 0 }) },
    { name: 'ToolCallEvent', value: toolCall({ ...call, executionId: first, sequence: 1 }) },
    { name: 'ToolCallEvent', value: toolCall({ ...call, executionId: first, phase: 'succeeded', sequence: 2 }) },
    // Numbers 3 to 5 never came.
    { name: 'ToolCallEvent', value: toolCall({ ...call, executionId: second, runId: `${tenantId} run 2`, attempt: 2, sequence: 6 }) },
    { name: 'RetrievalEvent', value: retrieval({ ...scope, retrievalId: uuid(kind, 4), sequence: 7 }) },
    {
      name: 'ToolCallEvent',
      value: toolCall({
        ...scope,
        executionId: read,
        tool: `${tenantId} search`,
        effectName: `${tenantId} search`,
        effectClass: 'read',
        sequence: 8,
      }),
    },
    { name: 'Alert', value: alert({ ...raised, alertId: `${tenantId} alert 1`, severity: 'warning', revision: 3 }) },
    { name: 'Alert', value: alert({ ...raised, alertId: `${tenantId} alert 1`, severity: 'critical', revision: 4 }) },
    {
      name: 'Alert',
      value: alert({ ...raised, alertId: `${tenantId} alert 2`, rule: 'divergent_execution', severity: 'critical', cause: 'replan' }),
    },
    { name: 'Alert', value: alert({ ...raised, alertId: `${tenantId} alert 3`, rule: 'execution_loop', severity: 'warning' }) },
    {
      name: 'Alert',
      value: alert({
        ...raised,
        alertId: `${tenantId} alert 4`,
        rule: 'foreign_document',
        cause: null,
        tool: null,
        effectName: null,
        executionId: null,
        retrievalId: uuid(kind, 4),
        evidence: {
          ...alert().evidence,
          documents: [
            { id: 'terms', tenantId: OWNER, score: 0.9 },
            { id: 'own', tenantId, score: null },
          ],
          dataSource: `${tenantId} contracts`,
        },
      }),
    },
  ];
}

const DEAD_LETTER: AnyRecord = {
  name: 'DeadLetter',
  value: {
    reason: 'bad_magic',
    detail: 'byte 0',
    topic: 'idemtrace.events',
    partition: 0,
    offset: 3,
    logTime: 0,
    key: null,
    value: Buffer.from('x'),
    valueTruncated: false,
    valueBytes: 1,
    valueSha256: null,
    headers: [],
  },
};

/** Fills lineage; answers with the log time of the last sample, ms since the epoch. */
export async function seed(pipeline: TestPipeline, now: number): Promise<number> {
  for (const [index, tenantId] of TENANTS.entries()) await pipeline.append(...storyOf(tenantId, index + 1, now));
  await pipeline.append(DEAD_LETTER);
  const sink = pipeline.sink();
  await sink.drain();
  await sink.close();
  for (const kind of ['detector', 'lineage-sink', 'gateway'] as const) await sampled(pipeline, kind, now);
  return now;
}

/** Samples of every metric of a process, as if it had written one every ten seconds until now. */
async function sampled(pipeline: TestPipeline, kind: ProcessKind, now: number): Promise<void> {
  let reads = 0;
  const writer = createSampleWriter({
    client: pipeline.client,
    kind,
    process: `host-1/${kind}`,
    intervalMs: 5,
    clock: () => now - (SAMPLES - reads) * SAMPLE_EVERY_MS,
    read: () => (reads >= SAMPLES ? [] : samplesOf(kind, ++reads)),
  });
  while (reads < SAMPLES || writer.status().written < SAMPLES * samplesOf(kind, 1).length) await delay(5);
  writer.close();
}

function samplesOf(kind: ProcessKind, turn: number): readonly Sample[] {
  return (Object.keys(SAMPLE_METRICS) as SampleMetricName[]).flatMap((metric): readonly Sample[] => {
    const { of, per } = SAMPLE_METRICS[metric];
    if (of !== kind && of !== 'every process') return [];
    const value = turn * 100;
    return per === 'partition' ? [0, 1].map((partition) => ({ metric, partition, value })) : [{ metric, value }];
  });
}

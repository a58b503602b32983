/** A tenant's rows go, and nobody else's: whatever its name, and whatever its dead letters say. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deletionStatement, type ErasedTable, eraseTenant, type LetterContent, workflowsOfTenant } from '../src/index.ts';
import { parsed, startTestEngine, type TestEngine } from './support/engine.ts';
import { openPipeline, type TestPipeline } from './support/pipeline.ts';
import { alert, retrieval, runEvent, toolCall } from './support/story.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(async () => {
  await engine.stop();
});

const letter = (offset: number, key: string | null, value: string) => ({
  name: 'DeadLetter' as const,
  value: {
    reason: 'truncated',
    detail: '',
    topic: 'events',
    partition: 0,
    offset,
    logTime: 1_760_000_000_000,
    key: key === null ? null : Buffer.from(key),
    value: Buffer.from(value),
    valueTruncated: false,
    valueBytes: value.length,
    valueSha256: null,
    headers: [],
  },
});

async function stored(pipeline: TestPipeline, tenants: readonly string[]): Promise<void> {
  for (const tenantId of tenants) {
    await pipeline.append(
      { name: 'RunEvent', value: runEvent({ tenantId }) },
      { name: 'ToolCallEvent', value: toolCall({ tenantId, workflowId: 'other' }) },
      { name: 'RetrievalEvent', value: retrieval({ tenantId }) },
      { name: 'Alert', value: alert({ tenantId }) },
    );
  }
  const sink = pipeline.sink();
  await sink.drain();
  await sink.close();
}

const rowsOf = (erased: readonly ErasedTable[]) => erased.map(({ table, found, removed, left }) => `${table} ${found} ${removed} ${left}`);

const TENANTS = ["it's", 'a\\b`c', 'acme', 'ac%me_', '租户'];
const WAYS = TENANTS.flatMap((tenantId) => [false, true].map((copies) => [tenantId, copies] as const));

test.each(WAYS)('T1: tenant %s goes, and the ones that are called like it stay (copies: %s)', async (tenantId, copies) => {
  const pipeline = await openPipeline(engine);
  const others = [`${tenantId}2`, tenantId.toUpperCase() === tenantId ? `x${tenantId}` : tenantId.toUpperCase()];
  await pipeline.append(
    letter(0, `${encodeURIComponent(tenantId)}/w`, 'cut'),
    letter(1, `${encodeURIComponent(others[0] ?? '')}/w`, 'cut'),
    letter(2, null, `says it is ${tenantId}`),
    letter(3, null, `says ${tenantId} too`),
    letter(4, null, 'says nothing'),
  );
  await stored(pipeline, [tenantId, ...others]);
  expect((await workflowsOfTenant(pipeline.client, tenantId)).toSorted()).toEqual(['invoice-1', 'other']);
  const asked: LetterContent[] = [];
  const erasure = {
    tenantId,
    keyPrefix: `${encodeURIComponent(tenantId)}/`,
    copies,
    belongs: async (content: LetterContent) => {
      asked.push(content);
      return content.value?.toString().startsWith('says it is') === true;
    },
  };
  expect(rowsOf(await eraseTenant(pipeline.client, erasure))).toEqual([
    'run_events 1 1 0',
    'tool_call_events 1 1 0',
    'retrieval_events 1 1 0',
    'alerts 1 1 0',
    'dead_letters 2 2 0',
  ]);
  expect(asked.map(({ value }) => value?.toString()).toSorted()).toEqual([`says ${tenantId} too`, `says it is ${tenantId}`].toSorted());
  for (const table of ['run_events', 'tool_call_events', 'retrieval_events', 'alerts'])
    expect(await pipeline.count(`(SELECT count() FROM ${table})`)).toBe(others.length);
  expect(await pipeline.count('(SELECT count() FROM dead_letters)')).toBe(3);
  const old = await pipeline.count(
    `(SELECT count() FROM system.parts WHERE database = currentDatabase() AND NOT active AND table = 'alerts')`,
  );
  expect(old === 0).toBe(copies);
  expect(rowsOf(await eraseTenant(pipeline.client, erasure)).every((row) => row.endsWith(' 0 0 0'))).toBe(true);
  await pipeline.close();
});

test('on a cluster the rows of every shard go: a statement that ClickHouse parses', async () => {
  const statement = deletionStatement('alerts', "tenantId = 'it\\'s'", { name: "main's" });
  expect(statement).toBe("ALTER TABLE `alerts_local` ON CLUSTER `main\\'s` DELETE WHERE tenantId = 'it\\'s'");
  expect(await parsed(engine.client, [statement])).toHaveLength(1);
});

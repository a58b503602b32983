import type { ClickHouseClient } from '@clickhouse/client';
import type { AnyRecord } from '@idemtrace/schemas';
import type { EventLog } from '@idemtrace/stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildWorkflowView, executionsOfKey, operatorCounts } from '../src/index.ts';
import { startTestEngine, type TestEngine } from './support/engine.ts';
import { openPipeline, type TestPipeline } from './support/pipeline.ts';
import { bound, EXECUTIONS, eventually, someCalls } from './support/sink-story.ts';
import { alert, digest, toolCall, uuid } from './support/story.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(async () => {
  await engine.stop();
});

/** Loses the answers of some inserts after ClickHouse has taken them, as a broken connection does. */
function losingAnswers(client: ClickHouseClient, lose: (insert: number) => boolean): ClickHouseClient {
  let inserts = 0;
  return new Proxy(client, {
    get(target, property) {
      if (property !== 'exec') return Reflect.get(target, property, target) as unknown;
      return async (parameters: Parameters<ClickHouseClient['exec']>[0]) => {
        const result = await target.exec(parameters);
        inserts += 1;
        if (!lose(inserts)) return result;
        result.stream.resume();
        throw Object.assign(new Error('connection reset'), { code: 'ECONNRESET' });
      };
    },
  });
}

/** Hands records on, and answers every commit as if the process had died before it. */
function dyingBeforeCommit(log: EventLog): { readonly log: EventLog; commits(): number } {
  let commits = 0;
  const proxied = new Proxy(log, {
    get(target, property) {
      if (property !== 'subscribe') return bound(target, property);
      const subscribe: EventLog['subscribe'] = (options, handler) =>
        target.subscribe(options, (partition, batch) =>
          handler(
            new Proxy(partition, {
              get(owned, name) {
                if (name !== 'commit') return bound(owned, name);
                return () => {
                  commits += 1;
                  return Promise.reject(new Error('died before the commit'));
                };
              },
            }),
            batch,
          ),
        );
      return subscribe;
    },
  });
  return { log: proxied, commits: () => commits };
}

describe('L1: each event and alert once in the views', () => {
  async function expectEachOnce(pipeline: TestPipeline, redeliveries: number): Promise<void> {
    const counts = await operatorCounts(pipeline.client);
    expect(counts).toMatchObject({ events: EXECUTIONS * 2, executions: EXECUTIONS, redeliveries });
  }

  test('L1: redelivered events are one event each, and counted', async () => {
    const pipeline = await openPipeline(engine);
    const calls = someCalls();
    await pipeline.append(...calls, ...calls.slice(10, 20), ...calls.slice(10, 12));
    const sink = pipeline.sink();
    await sink.drain();
    await sink.close();
    await expectEachOnce(pipeline, 12);
    expect(await pipeline.count('(SELECT max(redeliveries) FROM tool_call_events_once)')).toBe(2);
    await pipeline.close();
  });

  test('L1: an insert whose answer was lost is tried again and taken once', async () => {
    const pipeline = await openPipeline(engine);
    await pipeline.append(...someCalls());
    const sink = pipeline.sink({ client: losingAnswers(pipeline.client, (insert) => insert % 2 === 1) });
    await sink.drain();
    await sink.close();
    await expectEachOnce(pipeline, 0);
    expect(await pipeline.count('(SELECT count() FROM tool_call_events)')).toBe(EXECUTIONS * 2);
    await pipeline.close();
  });

  test('L1: a sink that dies between insert and commit leaves nothing twice and nothing out, whatever the batches of the next one', async () => {
    const pipeline = await openPipeline(engine);
    await pipeline.append(...someCalls());
    const dying = dyingBeforeCommit(pipeline.log);
    const first = pipeline.sink({ log: dying.log });
    await eventually(() => dying.commits() > 0);
    await first.close();
    expect(await pipeline.count('(SELECT count() FROM tool_call_events)')).toBeGreaterThan(0);
    const next = pipeline.sink({ batch: { maxRows: 7, maxMs: 1 } });
    await next.drain();
    await next.close();
    await expectEachOnce(pipeline, 0);
    await pipeline.client.command({ query: 'OPTIMIZE TABLE tool_call_events FINAL' });
    await expectEachOnce(pipeline, 0);
    expect(await pipeline.count('(SELECT count() FROM tool_call_events)')).toBe(EXECUTIONS * 2);
    await pipeline.close();
  });

  test('L1: redelivered and reordered phases give an execution the same outcome in SQL as in a view built from the log', async () => {
    const pipeline = await openPipeline(engine, 1);
    const phases = fc.array(fc.constantFrom('started' as const, 'succeeded' as const, 'unknown' as const, 'compensated' as const), {
      minLength: 1,
      maxLength: 6,
    });
    const [executions = []] = fc.sample(fc.array(phases, { minLength: 60, maxLength: 60 }), { numRuns: 1, seed: 7 });
    const records = executions.flatMap((ofExecution, n) =>
      ofExecution.map((phase): AnyRecord => ({ name: 'ToolCallEvent', value: toolCall({ executionId: uuid(1, n), phase }) })),
    );
    await pipeline.append(...records);
    const sink = pipeline.sink();
    await sink.drain();
    await sink.close();
    const scope = { tenantId: 'acme', workflowId: 'invoice-1' };
    const view = buildWorkflowView(
      scope,
      records.flatMap((value, offset) => (value.name === 'ToolCallEvent' ? [{ partition: 0, offset, logTime: 0, value }] : [])),
      [],
    );
    const told = (rows: readonly { executionId: string; outcome: string; offset: number }[]) =>
      rows.map(({ executionId, outcome, offset }) => ({ executionId, outcome, offset })).sort((a, b) => a.offset - b.offset);
    const rows = await executionsOfKey(pipeline.client, { ...scope, digest: digest('input-a') });
    expect(told(rows)).toEqual(told(view.runs.flatMap((run) => run.executions)));
    expect(rows.reduce((sum, row) => sum + row.redeliveries, 0)).toBe(
      executions.reduce((sum, ofExecution) => sum + ofExecution.length - new Set(ofExecution).size, 0),
    );
    await pipeline.close();
  });

  test('L1: another log with other records at the same offsets is not taken for what was written already', async () => {
    const pipeline = await openPipeline(engine, 1);
    const sinkAll = async (log: EventLog): Promise<void> => {
      const sink = pipeline.sink({ log });
      await sink.drain();
      await sink.close();
    };
    const calls = someCalls();
    await pipeline.append(...calls.slice(0, EXECUTIONS));
    await sinkAll(pipeline.log);
    const other = await openPipeline(engine, 1);
    await other.append(...calls.slice(EXECUTIONS));
    await sinkAll(other.log);
    await expectEachOnce(pipeline, 0);
    await other.close();
    await pipeline.close();
  });

  test('L1: the engine is killed while the sink writes: it waits, goes on, and each event is there once', async () => {
    const own = await startTestEngine();
    const pipeline = await openPipeline(own);
    const sink = pipeline.sink({ batch: { maxRows: 4, maxMs: 1 } });
    const calls = someCalls();
    await pipeline.append(...calls.slice(0, 30));
    await eventually(() => (sink.status().inserted.tool_call_events ?? 0) > 0);
    process.kill(own.engine.pid ?? 0, 'SIGKILL');
    await pipeline.append(...calls.slice(30));
    await sink.drain();
    expect(sink.status().healthy).toBe(true);
    await sink.close();
    await expectEachOnce(pipeline, 0);
    await pipeline.close();
    await own.stop();
  });

  test('L1: the highest revision of an alert is the current one, in whatever order revisions come, and a repeated one is a redelivery', async () => {
    const pipeline = await openPipeline(engine);
    const revision = (number: number, severity: 'info' | 'critical'): AnyRecord => ({
      name: 'Alert',
      value: alert({ revision: number, severity }),
    });
    await pipeline.append(revision(9, 'info'), revision(5, 'critical'), revision(9, 'info'));
    await pipeline.append({ name: 'Alert', value: alert({ alertId: 'alert-2', workflowId: 'invoice-2' }) });
    const sink = pipeline.sink();
    await sink.drain();
    await sink.close();
    const result = await pipeline.client.query({
      query: 'SELECT alertId, severity, revisions, redeliveries FROM current_alerts ORDER BY alertId',
      format: 'JSONEachRow',
    });
    expect(await result.json()).toEqual([
      { alertId: 'alert-1', severity: 'info', revisions: 2, redeliveries: 1 },
      { alertId: 'alert-2', severity: 'critical', revisions: 1, redeliveries: 0 },
    ]);
    await pipeline.close();
  });
});

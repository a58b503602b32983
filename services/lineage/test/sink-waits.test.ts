import type { AnyRecord, Codec } from '@idemtrace/schemas';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operatorCounts } from '../src/index.ts';
import { startTestEngine, type TestEngine } from './support/engine.ts';
import { GROUP, openPipeline, TOPICS } from './support/pipeline.ts';
import { bound, EXECUTIONS, eventually, someCalls } from './support/sink-story.ts';
import { alert, toolCall, uuid } from './support/story.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(async () => {
  await engine.stop();
});

describe('the sink blocks, never drops', () => {
  test('without ClickHouse it waits and says so, and writes everything once it is there', async () => {
    const pipeline = await openPipeline(engine);
    await pipeline.append(...someCalls(3));
    let away = true;
    const client = new Proxy(pipeline.client, {
      get: (target, property) =>
        property === 'exec' && away
          ? () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED with a secret'), { code: 'ECONNREFUSED' }))
          : bound(target, property),
    });
    const lines: unknown[] = [];
    const logger = { info: (...line: unknown[]) => void lines.push(line), warn: (...line: unknown[]) => void lines.push(line) };
    const sink = pipeline.sink({ client, logger, clock: () => 1_234 });
    await eventually(() => !sink.status().healthy);
    expect(sink.status().lastError).toEqual({ code: 'ECONNREFUSED', at: 1_234 });
    expect(await sink.backlog()).toBe(6);
    away = false;
    await sink.drain();
    expect(sink.status()).toMatchObject({ healthy: true, inserted: { tool_call_events: 6 } });
    expect(await sink.backlog()).toBe(0);
    expect(JSON.stringify(lines)).not.toContain('secret');
    await sink.close();
    await pipeline.close();
  });

  test('closed while ClickHouse is away, it leaves what is not written in the log', async () => {
    const pipeline = await openPipeline(engine);
    await pipeline.append(...someCalls(3));
    const client = new Proxy(pipeline.client, {
      get: (target, property) => (property === 'exec' ? () => Promise.reject(new Error('away')) : bound(target, property)),
    });
    const sink = pipeline.sink({ client });
    await eventually(() => !sink.status().healthy);
    await sink.close();
    const next = pipeline.sink();
    expect(await next.backlog()).toBe(6);
    await next.drain();
    expect(await pipeline.count('(SELECT count() FROM tool_call_events_once)')).toBe(6);
    await next.close();
    await pipeline.close();
  });

  test('while the registry is away it waits, and no record is passed over', async () => {
    const pipeline = await openPipeline(engine);
    await pipeline.append(...someCalls(3));
    let refusals = 0;
    const codec: Pick<Codec, 'decode' | 'encode'> = {
      encode: pipeline.codec.encode,
      decode: (records) =>
        ++refusals < 4 ? Promise.reject(Object.assign(new Error('away'), { code: 'away' })) : pipeline.codec.decode(records),
    };
    const sink = pipeline.sink({ codec });
    await sink.drain();
    expect(sink.status()).toMatchObject({ healthy: true, skipped: 0, inserted: { tool_call_events: 6 } });
    await sink.close();
    await pipeline.close();
  });

  test('W7: a record that cannot be decoded, or has no business on its topic, is passed over and counted; a clock tick is neither', async () => {
    const pipeline = await openPipeline(engine);
    await pipeline.append(...someCalls(1), { name: 'ClockTick', value: { occurredAt: Date.UTC(2026, 0, 1) } });
    await pipeline.log.append(TOPICS.events, [
      { key: null, value: Buffer.from('no record'), partition: 0 },
      { key: null, value: pipeline.codec.encode('Alert', alert()), partition: 0 },
    ]);
    const sink = pipeline.sink();
    await sink.drain();
    expect(sink.status()).toMatchObject({ skipped: 2, refused: 0, inserted: { tool_call_events: 2 } });
    await sink.close();
    await pipeline.close();
  });

  test('W7: a row that ClickHouse refuses for good goes to dead letters once, and the rows beside it are written', async () => {
    const pipeline = await openPipeline(engine, 1);
    const calls = someCalls(6);
    const poison: AnyRecord = { name: 'ToolCallEvent', value: toolCall({ executionId: uuid(1, 99), tool: 'poison' }) };
    await pipeline.client.command({ query: "ALTER TABLE tool_call_events ADD CONSTRAINT no_poison CHECK tool != 'poison'" });
    await pipeline.append(...calls.slice(0, 5), poison, ...calls.slice(5));
    const sink = pipeline.sink();
    await sink.drain();
    await sink.drain();
    expect(sink.status()).toMatchObject({ healthy: true, refused: 1, inserted: { tool_call_events: 12, dead_letters: 1 } });
    await sink.close();
    const result = await pipeline.client.query({
      query: 'SELECT reason, topic, partition, offset, value = base64Decode({value:String}) AS whole, detail FROM dead_letters_once',
      query_params: { value: pipeline.codec.encode(poison.name, poison.value).toString('base64') },
      format: 'JSONEachRow',
    });
    const [letter, ...others] = await result.json<{ detail: string }>();
    expect(others).toEqual([]);
    expect(letter).toMatchObject({ reason: 'lineage_refused', topic: TOPICS.events, partition: 0, offset: 5, whole: 1 });
    expect(letter?.detail).not.toContain('poison');
    await pipeline.close();
  });

  test('W7: where ClickHouse refuses every row the tables are at fault: the sink waits, and none goes to dead letters', async () => {
    const pipeline = await openPipeline(engine, 1);
    await pipeline.client.command({ query: 'ALTER TABLE tool_call_events ADD CONSTRAINT nothing CHECK attempt > 1' });
    await pipeline.append(...someCalls(60));
    const sink = pipeline.sink();
    await eventually(() => !sink.status().healthy);
    expect(sink.status()).toMatchObject({ refused: 0, lastError: { code: 'VIOLATED_CONSTRAINT' } });
    await pipeline.client.command({ query: 'ALTER TABLE tool_call_events DROP CONSTRAINT nothing' });
    await sink.drain();
    expect(sink.status()).toMatchObject({ healthy: true, refused: 0 });
    await sink.close();
    expect(await operatorCounts(pipeline.client)).toMatchObject({ events: 120, deadLetters: 0, redeliveries: 0 });
    await pipeline.close();
  });

  test('a second sink of the group takes partitions over, and none writes what the other committed', async () => {
    const pipeline = await openPipeline(engine, 4);
    const first = pipeline.sink();
    await pipeline.append(...someCalls().slice(0, 40));
    await first.drain();
    const second = pipeline.sink();
    await pipeline.append(...someCalls().slice(40));
    await Promise.all([first.drain(), second.drain()]);
    expect(await operatorCounts(pipeline.client)).toMatchObject({ events: EXECUTIONS * 2, redeliveries: 0 });
    const committed = await pipeline.log.committed(TOPICS.events, GROUP);
    expect(committed.reduce<number>((sum, offset) => sum + (offset ?? 0), 0)).toBe(EXECUTIONS * 2);
    await Promise.all([first.close(), second.close()]);
    await pipeline.close();
  });
});

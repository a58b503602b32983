import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { AnyRecord } from '@idemtrace/schemas';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readEvents } from '../src/queries/events.ts';
import { column, encodeBlock, int64, optionalWord, word } from '../src/sink/native.ts';
import { startTestEngine, type TestEngine } from './support/engine.ts';
import { openPipeline } from './support/pipeline.ts';
import { retrieval, runEvent, toolCall, uuid } from './support/story.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(async () => {
  await engine.stop();
});

describe('rows', () => {
  test('every field of an event comes back as it was sent, set or not', async () => {
    const pipeline = await openPipeline(engine);
    const digest = { hashKeyId: 'k1', digest: 'A'.repeat(43) };
    const rotated = [digest, { hashKeyId: 'k2', digest: 'B'.repeat(43) }];
    const records: readonly AnyRecord[] = [
      {
        name: 'RunEvent',
        value: runEvent({ conversationId: 'thread "1" \\ 🦔', parentRunId: 'run-0', agentId: null, traceId: 'a'.repeat(32) }),
      },
      { name: 'RunEvent', value: runEvent({ phase: 'ended', status: 'failed', incarnation: 2, sequence: 2 ** 40 + 7 }) },
      { name: 'ToolCallEvent', value: toolCall() },
      {
        name: 'ToolCallEvent',
        value: toolCall({
          phase: 'succeeded',
          parentExecutionId: uuid(1, 9),
          inputHashes: rotated,
          effectKey: { digests: rotated, scope: 'tenant', source: 'declared' },
          occurrences: rotated,
          approvals: [digest],
          downstreamKeys: rotated,
          precedingCalls: [digest],
          leafHashKeyId: 'k1',
          executionCount: 3,
          argumentDigests: [
            { path: 'order.id', digest: 'a'.repeat(11), kind: 'id' },
            { path: 'größe', digest: 'b'.repeat(11), kind: 'number' },
          ],
          argumentDigestsOmitted: 4,
          resultHashes: rotated,
          groundedOn: [uuid(2, 1), uuid(2, 2)],
          poll: { max: 5, minIntervalMs: null },
          deadlineMs: 60_000,
          durationMs: 12.25,
          ledger: { mode: 'shadow', answer: 'acquired' },
          disclosed: [{ path: 'input.note', json: '"naïve\\n🦔"' }],
          policyVersion: '7',
          occurredAt: Date.UTC(2026, 1, 2, 3, 4, 5, 678),
        }),
      },
      {
        name: 'RetrievalEvent',
        value: retrieval({
          executionId: uuid(1, 1),
          toolCallId: 'x'.repeat(200),
          documents: [
            { id: 'doc-1', tenantId: 'acme', score: 0.25 },
            { id: 'doc-2', tenantId: null, score: null },
          ],
          documentsOmitted: 2,
          durationMs: null,
        }),
      },
      { name: 'RetrievalEvent', value: retrieval({ retrievalId: uuid(2, 2), documents: [], queryHashes: [] }) },
    ];
    const positions = await pipeline.append(...records);
    const sink = pipeline.sink();
    await sink.drain();
    await sink.close();
    const events = await readEvents(pipeline.client, { tenantId: 'acme' });
    expect(events.map(({ value }) => value)).toEqual(records);
    expect(events.map(({ partition, offset }) => ({ partition, offset }))).toEqual(positions);
    await pipeline.close();
  });

  test('random texts and lists of any length survive the way through columns', async () => {
    const pipeline = await openPipeline(engine);
    const leaf = fc.record({
      path: fc.string({ unit: 'binary', maxLength: 90 }),
      digest: fc.constant('a'.repeat(11)),
      kind: fc.constantFrom('id' as const, 'text' as const),
    });
    const name = fc.stringMatching(/^[a-zé🦔]{1,20}$/u);
    const call = fc.record({ tool: name, agentId: fc.option(name), argumentDigests: fc.array(leaf, { maxLength: 4 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 300 }), fc.uuid(), async (calls, tenantId) => {
        const records = calls.map(
          (over, index): AnyRecord => ({
            name: 'ToolCallEvent',
            value: toolCall({ leafHashKeyId: 'k1', ...over, tenantId, executionId: uuid(1, index) }),
          }),
        );
        await pipeline.append(...records);
        const sink = pipeline.sink();
        await sink.drain();
        await sink.close();
        const events = await readEvents(pipeline.client, { tenantId });
        expect(events.map(({ value }) => value)).toEqual(records);
      }),
      { numRuns: 5 },
    );
    await pipeline.close();
  });

  test('a dictionary of more keys than two bytes can count is read as it was written', async () => {
    const keys = 70_000;
    const rows = Array.from({ length: keys }, (_, n) => n);
    const block = encodeBlock(
      [
        column('n', int64, (n: number) => n - 3),
        column('name', word, (n: number) => `key ${n}`),
        column('other', optionalWord, (n: number) => (n % 2 === 0 ? null : `key ${n}`)),
      ],
      rows,
    );
    const { client } = engine;
    await client.command({
      query:
        'CREATE TABLE names (n Int64, name LowCardinality(String), other LowCardinality(Nullable(String))) ENGINE = MergeTree ORDER BY n',
    });
    const { stream } = await client.exec({
      query: 'INSERT INTO names (n, name, other) FORMAT Native',
      values: Readable.from([block], { objectMode: false }),
    });
    await text(stream);
    const result = await client.query({
      query:
        "SELECT toUInt32(countIf(name = concat('key ', toString(n + 3)))) AS named, toUInt32(countIf(other = name)) AS odd, toUInt32(countIf(other IS NULL)) AS even FROM names",
      format: 'JSONEachRow',
    });
    expect(await result.json()).toEqual([{ named: keys, odd: keys / 2, even: keys / 2 }]);
  });
});

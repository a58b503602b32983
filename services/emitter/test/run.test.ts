import { setTimeout as sleep } from 'node:timers/promises';
import { faultsOf } from '@idemtrace/schemas';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { currentCall, currentRun } from '../src/idemtrace.ts';
import { createBench, SCOPE } from './world.ts';

describe('a run', () => {
  const phases = async (fn: Parameters<ReturnType<typeof createBench>['idemtrace']['run']>[1]) => {
    const { idemtrace, transport } = createBench();
    try {
      await idemtrace.run(SCOPE, fn);
    } catch {
      // What is thrown is told by the run's status.
    }
    await idemtrace.flush();
    return transport.runEvents.map(({ phase, status }) => [phase, status]);
  };

  test('starts and ends with its function, with what that came to', async () => {
    expect(await phases(() => 1)).toEqual([
      ['started', null],
      ['ended', 'succeeded'],
    ]);
    expect(await phases(async () => 1)).toEqual([
      ['started', null],
      ['ended', 'succeeded'],
    ]);
    expect(await phases(() => Promise.reject(new Error('x')))).toEqual([
      ['started', null],
      ['ended', 'failed'],
    ]);
    expect(
      await phases(() => {
        throw new Error('x');
      }),
    ).toEqual([
      ['started', null],
      ['ended', 'failed'],
    ]);
  });

  test('may say itself how it ended, and the first word counts', async () => {
    expect(await phases((run) => run.end('failed'))).toEqual([
      ['started', null],
      ['ended', 'failed'],
    ]);
    expect(await phases((run) => run.end('suspended'))).toEqual([
      ['started', null],
      ['suspended', null],
    ]);
    expect(await phases(() => Promise.reject({ is_bubble_up: true }))).toEqual([
      ['started', null],
      ['suspended', null],
    ]);
  });

  test.each([
    ['a ReadableStream', () => new ReadableStream()],
    ['a Response', async () => new Response('x')],
    ['AI SDK’s result', () => ({ textStream: null })],
  ])('marks no end by itself where its function answers with %s', async (_, fn) => {
    expect(await phases(fn)).toEqual([['started', null]]);
  });

  test('that streams by an async iterable goes on until that is at its end, and its tools belong to it', async () => {
    const { idemtrace, transport } = createBench();
    const tool = idemtrace.tool('send_mail', async (_: number) => 1);
    const stream = idemtrace.run(SCOPE, async function* () {
      yield await tool(1);
      yield currentRun()?.workflowId;
    });
    const seen: unknown[] = [];
    for await (const part of stream) seen.push(part);
    expect(seen).toEqual([1, SCOPE.workflowId]);
    await idemtrace.flush();
    expect(transport.events.map(({ name, value }) => ('phase' in value ? `${name} ${value.phase}` : name))).toEqual([
      'RunEvent started',
      'ToolCallEvent started',
      'ToolCallEvent succeeded',
      'RunEvent ended',
    ]);
  });

  test('has defaults: attempt 1, a new id, the emitter’s agent; its token is a header of its first event alone', async () => {
    const { idemtrace, transport } = createBench({ agentId: 'billing' });
    idemtrace.run({ ...SCOPE, token: 'a.b.c' }, () => {});
    await idemtrace.flush();
    expect(transport.runEvents[0]).toMatchObject({ attempt: 1, agentId: 'billing', parentRunId: null, incarnation: 0 });
    expect(transport.runEvents[0]?.runId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(transport.events.map(({ headers }) => headers)).toEqual([{ 'idemtrace-token': 'a.b.c' }, undefined]);
  });

  test('T1: what names no tenant or workflow, or no id, is refused before anything runs', () => {
    const { idemtrace } = createBench();
    const scopes = [
      {},
      { tenantId: 'acme' },
      { workflowId: 'w' },
      { ...SCOPE, tenantId: '' },
      { ...SCOPE, runId: 'a\nb' },
      { ...SCOPE, attempt: 0 },
      { ...SCOPE, attempt: 1.5 },
    ];
    for (const scope of scopes) {
      expect(() => idemtrace.run(scope, () => expect.fail('ran'))).toThrow(
        expect.objectContaining({ name: 'IdemtraceError', code: 'invalid_scope' }),
      );
    }
  });
});

describe('a run inside a run', () => {
  test('has its tenant, its workflow, and it as parent', async () => {
    const { idemtrace, transport } = createBench();
    idemtrace.run({ ...SCOPE, runId: 'outer', conversationId: 'chat' }, () =>
      idemtrace.run({ runId: 'inner', agentId: 'helper' }, () => {}),
    );
    await idemtrace.flush();
    const inner = transport.runEvents.find(({ runId }) => runId === 'inner');
    expect(inner).toMatchObject({ ...SCOPE, parentRunId: 'outer', conversationId: 'chat', agentId: 'helper' });
  });

  test('T1: of another tenant is refused', () => {
    const { idemtrace } = createBench();
    const nested = () => idemtrace.run({ ...SCOPE, tenantId: 'globex' }, () => expect.fail('ran'));
    expect(() => idemtrace.run(SCOPE, nested)).toThrow(expect.objectContaining({ code: 'tenant_mismatch' }));
  });

  test('may be of another workflow, which it names', async () => {
    const { idemtrace, transport } = createBench();
    idemtrace.run({ ...SCOPE, runId: 'outer' }, () => idemtrace.run({ workflowId: 'another', runId: 'inner' }, () => {}));
    await idemtrace.flush();
    expect(transport.runEvents.filter(({ runId }) => runId === 'inner').map(({ workflowId }) => workflowId)).toEqual([
      'another',
      'another',
    ]);
  });
});

describe('steps', () => {
  test('a retrieval within a tool call takes its step and execution; any other is a step', async () => {
    const { idemtrace, transport } = createBench();
    const search = idemtrace.retriever('docs', async (_query: string) => [{ ref: 'd1', of: 'acme' }], {
      documents: (found) => found.map(({ ref, of }) => ({ id: ref, tenantId: of })),
    });
    const answer = idemtrace.tool('answer', async (question: string) => (await search(question)).length);
    await idemtrace.run(SCOPE, async () => {
      await search('first');
      await answer('second');
      await search('third');
      await answer('fourth');
    });
    await idemtrace.flush();
    const started = transport.toolCalls.filter(({ phase }) => phase === 'started');
    expect(started.map(({ stepIndex }) => stepIndex)).toEqual([1, 3]);
    expect(transport.retrievals.map(({ stepIndex, executionId }) => [stepIndex, executionId])).toEqual([
      [0, null],
      [1, started[0]?.executionId],
      [2, null],
      [3, started[1]?.executionId],
    ]);
    expect(transport.retrievals[0]).toMatchObject({
      dataSource: 'docs',
      documents: [{ id: 'd1', tenantId: 'acme', score: null }],
      documentsOmitted: 0,
    });
  });

  test('a retriever that throws, and documents that cannot be read, report nothing and change nothing', async () => {
    const { idemtrace, transport } = createBench();
    const broken = idemtrace.retriever('docs', () => Promise.reject(new Error('away')), { documents: () => [] });
    const odd = idemtrace.retriever('docs', () => 7, { documents: () => null as never });
    await expect(idemtrace.run(SCOPE, () => broken('q'))).rejects.toThrow('away');
    expect(idemtrace.run(SCOPE, () => odd('q'))).toBe(7);
    await idemtrace.flush();
    expect(transport.retrievals).toEqual([]);
    expect(idemtrace.counters.faults).toBe(1);
  });

  test('callbacks report calls and their retrievals, found by the tool call’s id', async () => {
    const { idemtrace, transport } = createBench();
    const { retrievalId, executionId, key } = idemtrace.run(SCOPE, (run) => {
      const execution = run.begin({
        tool: 'charge',
        input: { id: 1 },
        toolCallId: 'call-1',
        effect: 'write',
        effectKey: 'inv-1',
        approvalId: 'boss',
      });
      const retrieval = run.retrieved({ dataSource: 'docs', query: 'q', documents: [{ id: 'd' }], toolCallId: 'call-1' });
      execution.settle({ result: { ok: true } });
      execution.settle({ error: new Error('too late') });
      run.begin({ tool: 'charge', input: { id: 2 }, groundedOn: [retrieval] }).settle({ error: new Error('x') }, 'failed');
      return { retrievalId: retrieval, executionId: execution.executionId, key: execution.idempotencyKey };
    });
    await idemtrace.flush();
    expect(key).toMatch(/^[\w-]{43}$/);
    expect(transport.toolCalls.map(({ phase, stepIndex }) => [phase, stepIndex])).toEqual([
      ['started', 0],
      ['succeeded', 0],
      ['started', 1],
      ['failed', 1],
    ]);
    expect(transport.toolCalls[0]).toMatchObject({ executionId, toolCallId: 'call-1', effectKey: { source: 'declared' } });
    expect(transport.toolCalls[0]?.approvals).toHaveLength(1);
    expect(transport.retrievals[0]).toMatchObject({ retrievalId, executionId, stepIndex: 0, toolCallId: 'call-1' });
    expect(transport.toolCalls[2]?.groundedOn).toEqual([retrievalId]);
  });

  test('a reported call with a poll or deadline that cannot be is reported without them, and the fault counted', async () => {
    const { idemtrace, transport, world } = createBench();
    idemtrace.run(SCOPE, (run) => {
      run.begin({ tool: 'export', input: {}, poll: { max: 0 }, deadlineMs: 5 });
      run.begin({ tool: 'export', input: {}, poll: { max: 3 }, deadlineMs: Number.NaN });
      run.begin({ tool: 'export', input: {}, poll: { max: 3 }, deadlineMs: 5 });
    });
    await idemtrace.flush();
    expect(transport.toolCalls.map(({ poll, deadlineMs }) => [poll?.max, deadlineMs])).toEqual([
      [undefined, null],
      [undefined, null],
      [3, 5],
    ]);
    for (const call of transport.toolCalls) expect(faultsOf('ToolCallEvent', call)).toEqual([]);
    expect(idemtrace.counters.faults).toBe(2);
    expect(world.warnings.map(({ code }) => code)).toEqual(['IDEMTRACE_FAULT']);
  });

  test('T1: each tenant’s events are numbered by themselves, from 0, under an emitter of their own', async () => {
    const { idemtrace, transport } = createBench();
    const act = idemtrace.tool('act', (input: number) => input);
    for (const tenantId of ['acme', 'globex', 'acme', 'initech', 'globex']) idemtrace.run({ ...SCOPE, tenantId }, () => act(1));
    await idemtrace.flush();
    const byTenant = Map.groupBy(transport.events, ({ value }) => value.tenantId);
    expect([...byTenant].map(([tenant, events]) => [tenant, events.length])).toEqual([
      ['acme', 8],
      ['globex', 8],
      ['initech', 4],
    ]);
    for (const events of byTenant.values()) {
      expect(events.map(({ value }) => value.sequence)).toEqual(events.map((_, index) => index));
      expect(new Set(events.map(({ value }) => value.emitterId)).size).toBe(1);
    }
    expect(new Set(transport.events.map(({ value }) => value.emitterId)).size).toBe(3);
  });

  test('of very many tenants, one that was forgotten gets another emitter, and no number comes twice', async () => {
    const { idemtrace, transport } = createBench();
    const visit = (tenant: number) => idemtrace.run({ ...SCOPE, tenantId: `t${tenant}` }, () => undefined);
    for (let tenant = 0; tenant < 4096; tenant++) visit(tenant);
    visit(0);
    visit(5000);
    visit(0);
    visit(1);
    await idemtrace.flush();
    const numbers = transport.events.map(({ value }) => `${value.emitterId} ${value.sequence}`);
    expect(new Set(numbers).size).toBe(numbers.length);
    const of = (tenant: string) => transport.events.filter(({ value }) => value.tenantId === tenant);
    expect(of('t0').map(({ value }) => value.sequence)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(of('t1').map(({ value }) => value.sequence)).toEqual([0, 1, 0, 1]);
  });

  test('the same plan so far has the same digest of preceding calls, in another run too', async () => {
    const { idemtrace, transport } = createBench();
    const tool = idemtrace.tool('act', (input: number) => input);
    for (const plan of [
      [1, 2, 3],
      [1, 2, 4],
      [2, 1, 3],
    ])
      idemtrace.run(SCOPE, () => plan.map((input) => tool(input)));
    await idemtrace.flush();
    const runs = Object.values(
      Object.groupBy(
        transport.toolCalls.filter(({ phase }) => phase === 'started'),
        ({ runId }) => runId,
      ),
    );
    const [a, b, c] = runs.map((calls) => (calls ?? []).map(({ precedingCalls }) => precedingCalls));
    expect(a?.[0]).toEqual([]);
    expect(b).toEqual(a);
    expect(c?.[1]).not.toEqual(a?.[1]);
  });
});

/** A tree of runs and calls that overlap, each of which must see itself as the current one. */
interface Plan {
  readonly delay: number;
  readonly inside: readonly Plan[];
}

function planOf(levels: number): fc.Arbitrary<Plan> {
  const inside: fc.Arbitrary<Plan[]> = levels === 0 ? fc.constant([]) : fc.array(planOf(levels - 1), { maxLength: 3 });
  return fc.record({ delay: fc.nat(3), inside });
}

test('however many nested runs and calls overlap, each knows its own run, call and parent', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(planOf(3), { minLength: 1, maxLength: 4 }), async (plans) => {
      const { idemtrace, transport } = createBench();
      const within = new Map<string, string | null>();
      const tool = idemtrace.tool('act', async ({ depth, plan: own }: { depth: number; plan: Plan }): Promise<void> => {
        const mine = currentCall()?.executionId ?? 'none';
        const run = currentRun()?.runId;
        if (own.delay > 0) await sleep(own.delay);
        else await null;
        await Promise.all(own.inside.map((inner) => visit(inner, depth + 1, mine)));
        expect(currentCall()?.executionId).toBe(mine);
        expect(currentRun()?.runId).toBe(run);
      });
      const visit = (own: Plan, depth: number, parent: string | null): Promise<void> => {
        const around = currentRun()?.runId;
        const scope = depth === 0 ? { ...SCOPE, workflowId: `w${plans.indexOf(own)}` } : {};
        return idemtrace.run(scope, async (run) => {
          expect(run.parentRunId).toBe(around);
          within.set(run.runId, parent);
          await Promise.all([tool({ depth, plan: own }), tool({ depth, plan: { delay: 1, inside: [] } })]);
          expect(currentRun()?.runId).toBe(run.runId);
        });
      };
      await Promise.all(plans.map((own) => visit(own, 0, null)));
      await idemtrace.flush();
      for (const event of transport.events) expect(faultsOf(event.name, event.value as never)).toEqual([]);
      for (const calls of Object.values(Object.groupBy(transport.toolCalls, ({ executionId }) => executionId))) {
        expect(calls?.map(({ phase }) => phase)).toEqual(['started', 'succeeded']);
        const identities = calls?.map(({ tenantId, workflowId, runId, stepIndex, inputHashes, effectKey, argumentDigests }) => ({
          tenantId,
          workflowId,
          runId,
          stepIndex,
          inputHashes,
          effectKey,
          argumentDigests,
        }));
        expect(identities?.[1]).toEqual(identities?.[0]);
      }
      for (const calls of Object.values(
        Object.groupBy(
          transport.toolCalls.filter(({ phase }) => phase === 'started'),
          ({ runId }) => runId,
        ),
      )) {
        expect(calls?.map(({ stepIndex }) => stepIndex)).toEqual([0, 1]);
        for (const { runId, parentExecutionId } of calls ?? []) expect(parentExecutionId).toBe(within.get(runId));
      }
      const sequences = transport.events.map(({ value }) => value.sequence);
      expect(sequences).toEqual(sequences.map((_, index) => index));
    }),
    { numRuns: 25 },
  );
});

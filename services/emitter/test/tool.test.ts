import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { IdemtraceError, NotExecutedError } from '../src/errors.ts';
import { currentCall, currentRun } from '../src/idemtrace.ts';
import type { ToolOptions } from '../src/tool.ts';
import { createBench, SCOPE } from './world.ts';

/** Runs one call of a tool and answers the phases it reported. */
async function phasesOf(fn: (input: unknown) => unknown, options: ToolOptions<unknown, unknown> = { effect: 'write' }): Promise<string[]> {
  const { idemtrace, transport } = createBench();
  const tool = idemtrace.tool('act', fn, options);
  try {
    await idemtrace.run(SCOPE, () => tool({ id: 1 }));
  } catch {
    // What is thrown is the tool's own affair.
  }
  await idemtrace.flush();
  return transport.toolCalls.map(({ phase }) => phase);
}

describe('an observed tool behaves as it did', () => {
  test('this, arguments, name, number of parameters and answer are its own', () => {
    const { idemtrace } = createBench();
    const seen: unknown[] = [];
    const original = function add(this: unknown, input: number, ...rest: unknown[]): number {
      seen.push(this, input, ...rest);
      return input + 1;
    };
    const tool = idemtrace.tool('add', original);
    const owner = { tool };
    expect(idemtrace.run(SCOPE, () => Reflect.apply(owner.tool, owner, [1, 'a', 'b']))).toBe(2);
    expect(seen).toEqual([owner, 1, 'a', 'b']);
    expect([tool.name, tool.length]).toEqual(['add', 1]);
    expect(Reflect.apply(tool, undefined, [])).toBeNaN();
  });

  test('a synchronous tool stays one, inside and outside a run', () => {
    const { idemtrace } = createBench();
    const tool = idemtrace.tool('get_five', () => 5);
    expect(tool(0)).toBe(5);
    expect(idemtrace.run(SCOPE, () => tool(0))).toBe(5);
  });

  test('what it throws is what is thrown, errors or not', async () => {
    const { idemtrace } = createBench();
    for (const thrown of [new Error('x'), 'text', null, undefined, 7, { status: 500 }, Object.freeze({})]) {
      const sync = idemtrace.tool('act', () => {
        throw thrown;
      });
      const rejecting = idemtrace.tool('act', () => Promise.reject(thrown));
      let caught: unknown = 'nothing';
      try {
        idemtrace.run(SCOPE, () => sync(1));
      } catch (error) {
        caught = error;
      }
      expect(caught).toBe(thrown);
      await expect(
        idemtrace
          .run(SCOPE, () => rejecting(1))
          .then(
            () => 'nothing',
            (error) => ({ error }),
          ),
      ).resolves.toEqual({ error: thrown });
    }
  });

  test('a rejection that nobody handles is still reported by the process', async () => {
    const { idemtrace } = createBench();
    const tool = idemtrace.tool('act', () => Promise.reject(new Error('nobody cares')));
    const handlers = process.rawListeners('unhandledRejection') as NodeJS.UnhandledRejectionListener[];
    process.removeAllListeners('unhandledRejection');
    try {
      const unhandled = new Promise((resolve) => process.once('unhandledRejection', resolve));
      idemtrace.run({ ...SCOPE, runId: 'r' }, () => void tool(1));
      await expect(unhandled).resolves.toMatchObject({ message: 'nobody cares' });
    } finally {
      for (const handler of handlers) process.on('unhandledRejection', handler);
    }
  });

  test('a thenable does its work only when it is awaited, and once', async () => {
    const { idemtrace, transport } = createBench();
    let executed = 0;
    const lazy = () => ({
      table: 'payments',
      // biome-ignore lint/suspicious/noThenProperty: query builders are such objects
      then(resolve: (value: number) => void) {
        executed++;
        resolve(executed);
      },
    });
    const tool = idemtrace.tool('insert_payment', lazy, { effect: 'write' });
    await idemtrace.run(SCOPE, async (run) => {
      const query = tool(1);
      expect(query.table).toBe('payments');
      expect(Object.keys(query)).toEqual(['table', 'then']);
      await idemtrace.flush();
      expect([executed, transport.toolCalls.length]).toEqual([0, 1]);
      expect(await query).toBe(1);
      run.end('succeeded');
    });
    await idemtrace.flush();
    expect(transport.toolCalls.map(({ phase }) => phase)).toEqual(['started', 'succeeded']);
    expect(executed).toBe(1);
  });

  test('a promise of a subclass stays the object it was', async () => {
    class Request extends Promise<number> {
      withResponse(): string {
        return 'response';
      }
    }
    const { idemtrace, transport } = createBench();
    const tool = idemtrace.tool('get_number', () => Request.resolve(4) as Request);
    await idemtrace.run(SCOPE, async () => {
      const request = tool(1);
      expect(request).toBeInstanceOf(Request);
      expect(request.withResponse()).toBe('response');
      expect(await request).toBe(4);
    });
    await idemtrace.flush();
    expect(transport.toolCalls.map(({ phase }) => phase)).toEqual(['started', 'succeeded']);
  });

  test('types of inputs, further arguments and answers are kept', () => {
    const { idemtrace } = createBench();
    const tool = idemtrace.tool('get_user', async (input: { id: string }, _options: { signal?: AbortSignal }) => ({ name: input.id }), {
      effectKey: (input) => input.id,
      outcome: (settled) => ('result' in settled && settled.result.name === '' ? 'unknown' : undefined),
    });
    expectTypeOf(tool).parameters.toEqualTypeOf<[input: { id: string }, options: { signal?: AbortSignal }]>();
    expectTypeOf(tool).returns.toEqualTypeOf<Promise<{ name: string }>>();
  });

  test('names and options that cannot be are refused where the tool is wrapped', () => {
    const { idemtrace } = createBench();
    for (const name of ['', 'a\nb', 'x'.repeat(513)]) expect(() => idemtrace.tool(name, () => 1)).toThrow(IdemtraceError);
    const wrong: readonly object[] = [
      ...[0, -1, 0.5, 2 ** 31, Number.NaN, Number.POSITIVE_INFINITY, '5', null].map((deadlineMs) => ({ deadlineMs })),
      ...[{}, { max: 0 }, { max: 1.5 }, { max: '3' }, { max: 3, minIntervalMs: 0 }, 3].map((poll) => ({ poll })),
    ];
    for (const options of wrong)
      expect(() => idemtrace.tool('a', () => 1, options), JSON.stringify(options)).toThrow(
        expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(/ of a is a whole number from 1$/) }),
      );
    idemtrace.tool('a', () => 1, { deadlineMs: 1, poll: { max: 1, minIntervalMs: 1 } });
  });
});

describe('outcomes', () => {
  const thrower = (thrown: unknown) => () => Promise.reject(thrown);
  const refusal = (status: number) => Object.assign(new Error('refused'), { status });

  test.each<[string, (input: unknown) => unknown, string]>([
    ['an answer', async () => 1, 'succeeded'],
    ['no answer', () => undefined, 'succeeded'],
    ['an MCP error', async () => ({ isError: true, content: [] }), 'failed'],
    ['an error', thrower(new Error('x')), 'unknown'],
    ['a thrown text', thrower('x'), 'unknown'],
    ['nothing thrown', thrower(undefined), 'unknown'],
    ['NotExecutedError', thrower(new NotExecutedError('no')), 'failed'],
    ['its subclass', thrower(new (class extends NotExecutedError {})('no')), 'failed'],
    ['status 422', thrower(refusal(422)), 'failed'],
    ['statusCode 400', thrower({ statusCode: 400 }), 'failed'],
    ['response.status 404', thrower({ response: { status: 404 } }), 'failed'],
    ['status 408', thrower(refusal(408)), 'unknown'],
    ['status 409', thrower(refusal(409)), 'unknown'],
    ['status 425', thrower(refusal(425)), 'unknown'],
    ['status 429', thrower(refusal(429)), 'unknown'],
    ['status 500', thrower(refusal(500)), 'unknown'],
    ['an abort', () => AbortSignal.abort().throwIfAborted(), 'unknown'],
    ['a LangGraph interrupt', thrower({ is_bubble_up: true }), 'failed'],
    [
      'an error that throws when it is read',
      thrower({
        get status() {
          throw new Error('y');
        },
      }),
      'unknown',
    ],
  ])('of a write that ends with %s: %#', async (_, fn, outcome) => {
    expect(await phasesOf(fn)).toEqual(['started', outcome]);
    expect(await phasesOf(fn, { effect: 'idempotent_write' })).toEqual(['started', outcome]);
  });

  test('of a read that throws: failed, it can have had no effect', async () => {
    expect(await phasesOf(thrower(new Error('x')), { effect: 'read' })).toEqual(['started', 'failed']);
  });

  test('the option `outcome` has the first word; where it throws or errs, classification has', async () => {
    const answering = (outcome: unknown): ToolOptions<unknown, unknown> => ({ effect: 'write', outcome: () => outcome as 'failed' });
    expect(await phasesOf(async () => 'Card declined.', answering('failed'))).toEqual(['started', 'failed']);
    expect(await phasesOf(thrower(new Error('x')), answering('failed'))).toEqual(['started', 'failed']);
    expect(await phasesOf(async () => 1, answering('nonsense'))).toEqual(['started', 'succeeded']);
    expect(await phasesOf(async () => 1, answering(undefined))).toEqual(['started', 'succeeded']);
    const throwing: ToolOptions<unknown, unknown> = {
      effect: 'write',
      outcome: () => {
        throw new Error('y');
      },
    };
    expect(await phasesOf(async () => 1, throwing)).toEqual(['started', 'succeeded']);
  });
});

describe('streams', () => {
  async function* numbers(): AsyncGenerator<number, string, unknown> {
    yield 1;
    yield 2;
    return 'end';
  }
  async function* breaking(): AsyncGenerator<number> {
    yield 1;
    throw new Error('broken');
  }
  const settledAfter = async (
    fn: (input: unknown) => AsyncIterable<number>,
    use: (stream: AsyncIterable<number>) => Promise<void>,
    effect: 'read' | 'write',
  ) => {
    const { idemtrace, transport } = createBench();
    const tool = idemtrace.tool('stream', fn, { effect });
    const stream = idemtrace.run(SCOPE, () => tool(1));
    await idemtrace.flush();
    expect(transport.toolCalls.map(({ phase }) => phase)).toEqual(['started']);
    await use(stream).catch(() => {});
    await idemtrace.flush();
    return transport.toolCalls.slice(1).map(({ phase }) => phase);
  };
  const all = async (stream: AsyncIterable<number>): Promise<void> => {
    for await (const _ of stream);
  };
  const firstOnly = async (stream: AsyncIterable<number>): Promise<void> => {
    for await (const _ of stream) break;
  };

  test('the outcome comes when the stream ends, breaks or is left', async () => {
    expect(await settledAfter(numbers, all, 'write')).toEqual(['succeeded']);
    expect(await settledAfter(breaking, all, 'write')).toEqual(['unknown']);
    expect(await settledAfter(breaking, all, 'read')).toEqual(['failed']);
    expect(await settledAfter(numbers, firstOnly, 'write')).toEqual(['unknown']);
    expect(await settledAfter(numbers, firstOnly, 'read')).toEqual(['succeeded']);
  });

  test('an iterable that is no iterator is watched through its iterators', async () => {
    const list = () => ({ [Symbol.asyncIterator]: () => numbers() });
    expect(await settledAfter(list, all, 'write')).toEqual(['succeeded']);
  });

  test('a stream behind a promise too, and it is the generator it was', async () => {
    const { idemtrace, transport } = createBench();
    const tool = idemtrace.tool('get_stream', async (_: number) => numbers());
    await idemtrace.run(SCOPE, async () => {
      const stream = await tool(1);
      expect(Object.prototype.toString.call(stream)).toBe('[object AsyncGenerator]');
      expect(await stream.next()).toEqual({ done: false, value: 1 });
      expect(await stream.return('early')).toEqual({ done: true, value: 'early' });
    });
    await idemtrace.flush();
    expect(transport.toolCalls.map(({ phase }) => phase)).toEqual(['started', 'succeeded']);
  });

  test('what a generator does later belongs to its call', async () => {
    const { idemtrace, transport } = createBench();
    const inner = idemtrace.tool('send_mail', async (_: number) => currentCall()?.executionId);
    const outer = idemtrace.tool(
      'delegate',
      async function* (_: number) {
        yield currentCall()?.executionId;
        yield await inner(1);
      },
      { effect: 'delegate' },
    );
    const seen: unknown[] = [];
    const stream = idemtrace.run(SCOPE, () => outer(1));
    for await (const id of stream) seen.push(id);
    await idemtrace.flush();
    const started = transport.toolCalls.filter(({ phase }) => phase === 'started');
    expect(started.map(({ executionId }) => executionId)).toEqual(seen);
    expect(started[1]?.parentExecutionId).toBe(started[0]?.executionId);
  });
});

describe('events of a call', () => {
  test('both phases carry all that identifies the execution', async () => {
    const { idemtrace, transport } = createBench();
    const tool = idemtrace.tool('charge', async (input: { invoice_id: string }) => ({ id: 'ch_1', input }), {
      effect: 'write',
      effectKey: (input) => input.invoice_id,
    });
    await idemtrace.run({ ...SCOPE, runId: 'run-1', attempt: 2, agentId: 'billing' }, () => tool({ invoice_id: 'inv-1' }));
    await idemtrace.flush();
    const [started, settled] = transport.toolCalls;
    const { phase: _p, resultHashes: _r, durationMs: _d, occurredAt: _o, sequence: _s, ...identity } = started ?? ({} as never);
    expect(settled).toMatchObject(identity);
    expect(identity).toMatchObject({
      attempt: 2,
      agentId: 'billing',
      effectClass: 'write',
      effectClassSource: 'code',
      stepIndex: 0,
      unhashable: null,
    });
    expect(started?.resultHashes).toEqual([]);
    expect(settled?.resultHashes).toEqual([{ hashKeyId: 'k1', digest: expect.stringMatching(/^[\w-]{43}$/) }]);
    expect(settled?.effectKey?.source).toBe('declared');
  });

  test('the tool may change its input: what was hashed is what it was called with', async () => {
    const { idemtrace, transport } = createBench();
    const tool = idemtrace.tool('act', async (input: { a?: number }) => {
      delete input.a;
    });
    const untouched = idemtrace.tool('act', async (_: { a?: number }) => {});
    await idemtrace.run(SCOPE, async () => {
      await tool({ a: 1 });
      await untouched({ a: 1 });
    });
    await idemtrace.flush();
    expect(new Set(transport.toolCalls.map(({ inputHashes }) => inputHashes[0]?.digest)).size).toBe(1);
    expect(transport.toolCalls.map(({ executionCount }) => executionCount)).toEqual([1, 1, 2, 2]);
  });

  test('an input that is not plain has no hash, unless hashInput stands in for it', async () => {
    const { idemtrace, transport } = createBench();
    const upload = async (_: Map<string, number>) => 'ok';
    const input = new Map([['a', 1]]);
    await idemtrace.run(SCOPE, async () => {
      await idemtrace.tool('upload', upload)(input);
      await idemtrace.tool('upload', upload, { hashInput: (map) => [...map] })(input);
      await idemtrace.tool('upload', upload, {
        hashInput: () => {
          throw new Error('no');
        },
      })(input);
    });
    await idemtrace.flush();
    const outcomes = transport.toolCalls.filter(({ phase }) => phase === 'succeeded');
    expect(outcomes.map(({ unhashable, inputHashes }) => [unhashable, inputHashes.length])).toEqual([
      ['not_plain_json', 0],
      [null, 1],
      ['hash_input_failed', 0],
    ]);
    expect(idemtrace.counters).toMatchObject({ unhashable: 2, faults: 1 });
  });

  test('the idempotency key is the same in every attempt, and its digest travels where downstream honours it', async () => {
    const { idemtrace, transport } = createBench();
    const keys: unknown[] = [];
    const tool = idemtrace.tool('charge', async (_: { id: string }) => void keys.push(currentCall()?.idempotencyKey), {
      effect: 'write',
      repeatable: true,
    });
    for (const attempt of [1, 2]) await idemtrace.run({ ...SCOPE, attempt }, () => tool({ id: 'i' }));
    await idemtrace.run({ ...SCOPE, workflowId: 'another' }, () => tool({ id: 'i' }));
    await idemtrace.flush();
    expect(keys[0]).toMatch(/^[\w-]{43}$/);
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
    const digests = transport.toolCalls.map(({ downstreamKeys }) => downstreamKeys[0]?.digest);
    expect(new Set(digests).size).toBe(2);
    expect(JSON.stringify(transport.events)).not.toContain(keys[0]);
  });

  test.each<[string, unknown[], string | null]>([
    ['AI SDK', [{}, { toolCallId: 'call-1', messages: [] }], 'call-1'],
    ['LangChain', [{}, { toolCall: { id: 'call-2', name: 'x' }, configurable: {} }], 'call-2'],
    ['Mastra', [{}, { agent: { toolCallId: 'call-3' } }], 'call-3'],
    ['OpenAI Agents', [{}, { context: {} }, { toolCall: { callId: 'call-4' } }], 'call-4'],
    ['nobody', [{}], null],
    ['somebody else', [{}, 'x', 7], null],
  ])('the tool call id that %s passes is found', async (_, args, id) => {
    const { idemtrace, transport } = createBench();
    const tool = idemtrace.tool('act', (...given: unknown[]) => given.length);
    idemtrace.run(SCOPE, () => Reflect.apply(tool, undefined, args));
    await idemtrace.flush();
    expect(transport.toolCalls.map(({ toolCallId }) => toolCallId)).toEqual([id, id]);
  });
});

describe('callbacks that throw, strangers’ objects, a world in pieces', () => {
  test('observing never throws, whatever input, answer and callbacks are', async () => {
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error('hostile');
        },
        ownKeys() {
          throw new Error('hostile');
        },
        getPrototypeOf() {
          throw new Error('hostile');
        },
      },
    );
    const throwing = () => {
      throw new Error('callback');
    };
    const { idemtrace, transport } = createBench();
    const tool = idemtrace.tool('act', (input: unknown) => input, {
      effectKey: throwing,
      occurrence: throwing,
      callInfo: throwing,
      hashInput: throwing,
      outcome: throwing,
    });
    expect(idemtrace.run(SCOPE, () => tool(hostile))).toBe(hostile);
    await fc.assert(
      fc.asyncProperty(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withTypedArray: true }),
        async (value) => {
          const { idemtrace: fresh, transport: sent } = createBench();
          const same = fresh.tool('act', (input: unknown) => [input]);
          const answered = fresh.run(SCOPE, () => same(value));
          expect(answered[0]).toBe(value);
          await fresh.flush();
          expect(sent.toolCalls.map(({ phase }) => phase)).toEqual(['started', 'succeeded']);
        },
      ),
      { numRuns: 200 },
    );
    await idemtrace.flush();
    expect(transport.toolCalls).toHaveLength(2);
  });

  test('a hash key that fails for a tenant costs the events, not the tool, and is told once', () => {
    const { idemtrace, world } = createBench({
      hashKey: () => {
        throw new Error('vault away');
      },
    });
    const tool = idemtrace.tool('act', () => 5);
    expect(idemtrace.run(SCOPE, () => [tool(1), tool(2)])).toEqual([5, 5]);
    expect(world.warnings.map(({ code }) => code)).toEqual(['IDEMTRACE_FAULT']);
    expect(world.warnings[0]?.message).not.toContain('vault');
    expect(idemtrace.counters.faults).toBe(2);
  });

  test('outside a run tools run, with one warning', () => {
    const { idemtrace, transport, world } = createBench();
    const tool = idemtrace.tool('act', () => [currentRun(), currentCall()]);
    expect([tool(1), tool(2)]).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
    expect(world.warnings.map(({ code }) => code)).toEqual(['IDEMTRACE_OUTSIDE_RUN']);
    expect(idemtrace.counters).toMatchObject({ outsideRun: 2, emitted: 0 });
    expect(transport.events).toEqual([]);
  });

  test('an aborted call rejects as it did, and is unknown', async () => {
    const { idemtrace, transport } = createBench();
    const controller = new AbortController();
    const tool = idemtrace.tool('send', (path: string) => readFile(path, { signal: controller.signal }), { effect: 'write' });
    const reading = idemtrace.run(SCOPE, () => tool('package.json'));
    controller.abort();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    await idemtrace.flush();
    expect(transport.toolCalls.map(({ phase }) => phase)).toEqual(['started', 'unknown']);
  });
});

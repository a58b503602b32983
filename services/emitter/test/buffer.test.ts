import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BufferLimits, DEFAULT_LIMITS, EventBuffer } from '../src/buffer.ts';
import { newCounters } from '../src/counters.ts';
import { TransportError } from '../src/errors.ts';
import { createEventBuilder } from '../src/event-builder.ts';
import type { EmittedEvent, Transport } from '../src/transport.ts';
import { createBench, createWorld, HASH_KEY, SCOPE } from './world.ts';

let sequence = 0;
const builder = createEventBuilder({
  hashKey: HASH_KEY,
  origin: () => ({ emitterId: '01900000-0000-7000-8000-000000000000', sequence: sequence++ }),
});

function event(): EmittedEvent {
  return builder.runEvent({ tenantId: 'acme', workflowId: 'w', runId: 'r', attempt: 1 }, 'started', { occurredAt: 1 });
}

function createBuffer(send: Transport['send'], limits: Partial<BufferLimits> = {}) {
  const world = createWorld();
  const counters = newCounters();
  return { world, counters, buffer: new EventBuffer({ send }, { ...DEFAULT_LIMITS, ...limits }, world, counters) };
}

describe('sending', () => {
  test('a batch waits for more until it lingers long enough, or is full', async () => {
    const sizes: number[] = [];
    const { buffer, world } = createBuffer(async (batch) => void sizes.push(batch.length), { batchEvents: 3, lingerMs: 50 });
    buffer.push(event());
    await world.pass(49);
    expect(sizes).toEqual([]);
    await world.pass(1);
    expect(sizes).toEqual([1]);
    for (let count = 0; count < 7; count++) buffer.push(event());
    expect(sizes).toEqual([1]);
    await world.pass(0);
    expect(sizes).toEqual([1, 3, 3, 1]);
  });

  test('a batch is bounded in bytes, yet a large event is sent', async () => {
    const sizes: number[] = [];
    const { buffer } = createBuffer(async (batch) => void sizes.push(batch.length), { batchBytes: 10 });
    buffer.push(event());
    buffer.push(event());
    await buffer.flush(1000);
    expect(sizes).toEqual([1, 1]);
  });

  test('a batch that fails is sent again, whole and first, ever later, until it is taken', async () => {
    const attempts: [number, number[]][] = [];
    let failures = 3;
    const { buffer, world, counters } = createBuffer(async (batch) => {
      attempts.push([world.time, batch.map(({ value }) => value.sequence)]);
      if (failures-- > 0) throw new Error('away');
    });
    const pushed = [event(), event()];
    for (const one of pushed) buffer.push(one);
    await world.pass(50);
    buffer.push(event());
    await world.pass(5000);
    const first = pushed.map(({ value }) => value.sequence);
    expect(attempts.slice(0, 4).map(([, batch]) => batch)).toEqual([first, first, first, first]);
    const pauses = attempts.slice(1, 4).map(([at], index) => at - (attempts[index]?.[0] ?? 0));
    expect(pauses).toEqual([50, 100, 200]);
    expect(attempts).toHaveLength(5);
    expect(counters).toMatchObject({ sent: 3, retried: 3, dropped: 0, buffered: 0 });
  });

  test('the receiver’s wish to be left alone is honoured', async () => {
    const times: number[] = [];
    const { buffer, world } = createBuffer(async () => {
      times.push(world.time);
      if (times.length === 1) throw new TransportError('busy', { retriable: true, retryAfterMs: 30_000 });
    });
    buffer.push(event());
    await world.pass(60_000);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBe(30_000);
  });

  test('what is refused for good is not sent again; where a part may be taken, only the bad events are lost', async () => {
    const taken: number[] = [];
    const bad = new Set<number>();
    const { buffer, world, counters } = createBuffer(async (batch) => {
      if (batch.some(({ value }) => bad.has(value.sequence))) throw new TransportError('invalid', { retriable: false, divisible: true });
      taken.push(...batch.map(({ value }) => value.sequence));
    });
    const events = Array.from({ length: 20 }, event);
    for (const index of [3, 12]) bad.add(events[index]?.value.sequence ?? -1);
    for (const one of events) buffer.push(one);
    expect(await buffer.flush(10_000)).toBe(false);
    expect(taken).toEqual(events.map(({ value }) => value.sequence).filter((one) => !bad.has(one)));
    expect(counters).toMatchObject({ sent: 18, rejected: 2, retried: 0, buffered: 0 });
    expect(world.warnings.at(-1)?.code).toBe('IDEMTRACE_REJECTED');
  });

  test('a key that is refused loses the batch with one request', async () => {
    let requests = 0;
    const { buffer, counters } = createBuffer(async () => {
      requests++;
      throw new TransportError('unauthorized', { retriable: false });
    });
    for (let count = 0; count < 10; count++) buffer.push(event());
    await buffer.flush(1000);
    expect([requests, counters.rejected]).toEqual([1, 10]);
  });
});

describe('bounds', () => {
  test('when the buffer is full the newest are dropped, with one warning, and the gap shows', async () => {
    const { idemtrace, transport, world } = createBench({ limits: { ...DEFAULT_LIMITS, maxEvents: 4 } });
    const tool = idemtrace.tool('act', () => 1);
    idemtrace.run(SCOPE, () => [1, 2, 3].map((input) => tool(input)));
    expect(idemtrace.counters).toMatchObject({ emitted: 8, dropped: 4, buffered: 4 });
    expect(world.warnings.map(({ code }) => code)).toEqual(['IDEMTRACE_DROPPED']);
    await idemtrace.flush();
    idemtrace.run(SCOPE, () => {});
    await idemtrace.flush();
    expect(transport.events.map(({ value }) => value.sequence)).toEqual([0, 1, 2, 3, 8, 9]);
  });

  test('memory is bounded whatever arrives and however sending goes; every event is sent, refused, dropped or waiting; order is kept', async () => {
    const action = fc.oneof({ weight: 4, arbitrary: fc.constant('push') }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 400 }) });
    const reply = fc.constantFrom('taken', 'taken', 'away', 'refused', 'part refused');
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 80 }),
        fc.array(reply, { minLength: 1 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (actions, replies, maxEvents, batchEvents) => {
          const taken: number[] = [];
          let requests = 0;
          const { buffer, world, counters } = createBuffer(
            async (batch) => {
              expect(batch.length).toBeLessThanOrEqual(batchEvents);
              const answer = replies[requests++ % replies.length];
              if (answer === 'away') throw new Error('away');
              if (answer !== 'taken') throw new TransportError('no', { retriable: false, divisible: answer === 'part refused' });
              taken.push(...batch.map(({ value }) => value.sequence));
            },
            { maxEvents, batchEvents },
          );
          let arrived = 0;
          for (const step of actions) {
            if (step === 'push') {
              arrived++;
              buffer.push(event());
            } else await world.pass(step as number);
            expect(counters.buffered).toBeLessThanOrEqual(maxEvents);
            expect(counters.sent + counters.rejected + counters.dropped + counters.buffered).toBe(arrived);
          }
          expect(taken).toEqual([...new Set(taken)].sort((a, b) => a - b));
          expect(taken).toHaveLength(counters.sent);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('bytes are bounded too', () => {
    const { buffer, counters } = createBuffer(() => new Promise(() => {}), { maxBytes: 3000 });
    for (let count = 0; count < 10; count++) buffer.push(event());
    expect(counters.buffered).toBe(3);
    expect(counters.dropped).toBe(7);
  });
});

describe('flush and close', () => {
  test('flush resolves when what was there is durable, or its time is up', async () => {
    let release = (): void => {};
    const { buffer, world } = createBuffer(() => new Promise((resolve) => (release = resolve)));
    buffer.push(event());
    const inTime = buffer.flush(10_000);
    const late = buffer.flush(100);
    await world.pass(200);
    expect(await late).toBe(false);
    release();
    expect(await inTime).toBe(true);
    expect(await buffer.flush(0)).toBe(true);
  });

  test('close gives up what cannot be sent, says so, and closes the transport once; afterwards tools run unobserved', async () => {
    let closed = 0;
    const world = createWorld();
    const { idemtrace } = createBench({ transport: { send: () => Promise.reject(new Error('away')), close: async () => void closed++ } });
    idemtrace.run(SCOPE, () => {});
    const { idemtrace: quick, transport } = createBench();
    quick.run(SCOPE, () => {});
    await quick.close();
    expect(transport.events).toHaveLength(2);
    const counters = newCounters();
    const buffer = new EventBuffer(
      { send: () => Promise.reject(new Error('away')), close: async () => void closed++ },
      DEFAULT_LIMITS,
      world,
      counters,
    );
    buffer.push(event());
    const closing = buffer.close(500);
    await world.pass(1000);
    await Promise.all([closing, buffer.close(1)]);
    expect(closed).toBe(1);
    expect(counters).toMatchObject({ dropped: 1, buffered: 0, sent: 0 });
    expect(buffer.push(event())).toBe(false);
    expect(counters.dropped).toBe(2);
  });

  test('W7: a script that ends by itself sends what it emitted last, and does not wait for a receiver that is away', () => {
    const script = (send: string): string => `
      import { createIdemtrace } from '${fileURLToPath(new URL('../src/index.ts', import.meta.url))}';
      const idemtrace = createIdemtrace({ hashKey: { id: 'k', secret: 'x'.repeat(32) }, warn() {}, transport: { send: ${send} } });
      idemtrace.run({ tenantId: 't', workflowId: 'w' }, () => {});
    `;
    const run = (send: string): string =>
      execFileSync(process.execPath, ['--input-type=module-typescript', '-e', script(send)], {
        encoding: 'utf8',
        timeout: 30_000,
        cwd: fileURLToPath(new URL('..', import.meta.url)),
      });
    expect(run('async (batch) => console.log(batch.length)')).toBe('2\n');
    expect(run('async () => { throw new Error("away") }')).toBe('');
  });
});

describe('before a write', () => {
  test('acknowledged: its started event is durable before an async tool executes', async () => {
    const order: string[] = [];
    const { idemtrace, world } = createBench({
      beforeWrite: 'acknowledged',
      transport: {
        send: async (batch) => {
          await new Promise(setImmediate);
          order.push(...batch.flatMap(({ value }) => ('tool' in value ? `${value.phase} ${value.tool}` : [])));
        },
      },
    });
    const write = idemtrace.tool('charge', async () => void order.push('charges'), { effect: 'write' });
    const read = idemtrace.tool('look', async () => void order.push('looks'), { effect: 'read' });
    const sync = idemtrace.tool('note', () => order.push('notes'), { effect: 'write' });
    await idemtrace.run(SCOPE, async () => {
      await write(1);
      await read(1);
      sync(1);
    });
    await idemtrace.flush();
    expect(order.slice(0, 4)).toEqual(['started charge', 'charges', 'looks', 'notes']);
    expect(world.warnings.map(({ code }) => code)).toEqual(['IDEMTRACE_UNACKNOWLEDGED']);
    expect(idemtrace.counters.unacknowledged).toBe(1);
  });

  test('acknowledged: a receiver that is away delays the write, and does not prevent it', async () => {
    const { idemtrace, world } = createBench({ beforeWrite: 'acknowledged', transport: { send: () => Promise.reject(new Error('away')) } });
    const write = idemtrace.tool('charge', async (input: number) => input, { effect: 'write' });
    const result = idemtrace.run(SCOPE, () => write(5));
    await world.pass(10_000);
    expect(await result).toBe(5);
    expect(idemtrace.counters.unacknowledged).toBe(1);
  });
});

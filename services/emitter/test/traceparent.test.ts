/** Events are of the trace that the agent is in when they happen. */
import { expect, test } from 'vitest';
import { createBench, SCOPE } from './world.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

async function chargeUnder(traceparent: (() => string | undefined) | undefined) {
  const { idemtrace, transport, world } = createBench({ traceparent });
  const charge = idemtrace.tool('charge_card', async (input: { invoice: string }) => input.invoice);
  await idemtrace.run({ ...SCOPE, token: 'a.b.c' }, async (run) => {
    await charge({ invoice: 'inv-1' });
    run.retrieved({ dataSource: 'docs', query: 'q', documents: [] });
  });
  await world.pass(1000);
  return { events: transport.events, world, counters: idemtrace.counters };
}

test('every event carries the span as a header, and its trace’s id', async () => {
  const { events } = await chargeUnder(() => TRACEPARENT);
  expect(events.map(({ name }) => name)).toEqual(['RunEvent', 'ToolCallEvent', 'ToolCallEvent', 'RetrievalEvent', 'RunEvent']);
  expect(events.every(({ value }) => value.traceId === TRACE_ID)).toBe(true);
  expect(events[0]?.headers).toEqual({ 'idemtrace-token': 'a.b.c', traceparent: TRACEPARENT });
  expect(events[1]?.headers).toEqual({ traceparent: TRACEPARENT });
});

test('an event is of the span that the agent is in at that moment', async () => {
  let asked = 0;
  const { events } = await chargeUnder(() => TRACEPARENT.replace('00f067aa0ba902b7', `00f067aa0ba902${10 + asked++}`));
  expect(events.map(({ headers }) => headers?.traceparent?.slice(50, 52))).toEqual(['10', '11', '12', '13', '14']);
});

test.each([undefined, '', 'x', TRACEPARENT.toUpperCase(), `01${TRACEPARENT.slice(2)}`, `${TRACEPARENT}-more`])(
  'outside of a span, or with what is none, events are as without: %s',
  async (traceparent) => {
    const { events } = await chargeUnder(() => traceparent);
    expect(events).toHaveLength(5);
    expect(events.every(({ value, headers }) => value.traceId === null && headers?.traceparent === undefined)).toBe(true);
  },
);

test('a callback that throws costs the trace, not the event', async () => {
  const { events, counters, world } = await chargeUnder(() => {
    throw new Error('secret-4711');
  });
  expect([events.length, counters.faults]).toEqual([5, 5]);
  expect(world.warnings.map(({ code }) => code)).toEqual(['IDEMTRACE_FAULT']);
  expect(JSON.stringify(world.warnings)).not.toContain('secret-4711');
});

test('without the option there is no trace', async () => {
  const { events } = await chargeUnder(undefined);
  expect(events.every(({ value }) => value.traceId === null)).toBe(true);
});

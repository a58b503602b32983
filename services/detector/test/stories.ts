/** Random stories: few workflows, runs, inputs and keys, so that much of it meets. */
import fc from 'fast-check';
import type { JudgedEvent } from '../src/domain/fact.ts';
import type { TimedEvent } from './judging.ts';
import { type CallOptions, call, retrieval, runEvent } from './story.ts';

const PHASES = ['succeeded', 'failed', 'unknown', 'compensated', 'replayed'] as const;
const KEYS = [['k1'], ['k2', 'k1'], ['k2']];

interface Step {
  readonly kind: 'call' | 'retrieval' | 'run' | 'again';
  readonly n: number;
  readonly pick: number;
  readonly wait: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom<Step['kind']>('call', 'call', 'call', 'call', 'call', 'retrieval', 'run', 'again'),
  n: fc.nat(1_000_000),
  pick: fc.nat(1_000_000),
  wait: fc.nat(40),
});

function optionsOf(n: number, execution: string): CallOptions {
  const options: CallOptions = {
    execution,
    run: `run-${1 + (n % 3)}`,
    step: n % 5,
    tool: ['charge', 'refund'][n % 2] ?? 'charge',
    source: n % 11 === 0 ? 'inferred' : 'policy',
    effect: (['write', 'write', 'idempotent_write', 'read'] as const)[n % 4] ?? 'write',
    input: n % 13 === 0 ? null : `input ${Math.floor(n / 7) % 3}`,
    hashKeyIds: KEYS[Math.floor(n / 100) % 3] ?? ['k1'],
    result: `result ${Math.floor(n / 5) % 2}`,
  };
  const extras = {
    ...(n % 3 === 0 && { key: `key ${n % 2}` }),
    ...(n % 5 === 0 && { occurrence: `occurrence ${n % 2}` }),
    ...(n % 17 === 0 && { approval: `approval ${n % 3}` }),
    ...(n % 19 === 0 && { downstreamKey: 'same' }),
    ...(n % 2 === 0 && { precedingCalls: `before ${n % 4}`, toolCallId: `call-${n % 6}` }),
  };
  return { ...options, ...extras };
}

/** Events in the order of a log: executions begin, end early, late or never; some events come again. */
export function stories(maxSteps: number): fc.Arbitrary<readonly TimedEvent[]> {
  return fc.array(step, { minLength: 1, maxLength: maxSteps, size: 'max' }).map((steps) => {
    const events: TimedEvent[] = [];
    const running: CallOptions[] = [];
    let at = 0;
    const push = (event: JudgedEvent, n: number) => {
      const workflowId = `workflow-${n % 2}`;
      events.push({ at, event: { ...event, value: { ...event.value, workflowId } } as JudgedEvent });
    };
    for (const [index, { kind, n, pick, wait }] of steps.entries()) {
      at += wait;
      if (kind === 'run') push(runEvent(`run-${1 + (n % 3)}`, 'started'), n);
      else if (kind === 'retrieval') push(retrieval(`r${n % 9}`, [['d', n % 2 === 0 ? null : 'acme']], { dataSource: `kb-${n % 2}` }), n);
      else if (kind === 'again') {
        const again = events[pick % Math.max(1, events.length)];
        if (again !== undefined) events.push({ at, event: again.event });
      } else if (pick % 3 === 0 && running.length > 0) {
        const [options] = running.splice(pick % running.length, 1);
        if (options !== undefined) push(call(PHASES[n % PHASES.length] ?? 'succeeded', options), Number(options.execution.slice(1)));
      } else {
        const options = optionsOf(n, `e${index}`);
        running.push(options);
        if (pick % 7 !== 0) push(call('started', options), index);
        else push(call('succeeded', options), index);
      }
    }
    return events;
  });
}

/** One key, hot: executions of two runs, each with an outcome that comes at once, some events later, or not at all. */
export function hotStory(executions: number, everyMs: number): readonly TimedEvent[] {
  const events: JudgedEvent[] = [];
  const late: (readonly [due: number, event: JudgedEvent])[] = [];
  for (let n = 0; n < executions; n++) {
    const options: CallOptions = {
      execution: `hot-${n}`,
      run: `run-${1 + Math.floor(n / 100)}`,
      step: n % 40,
      input: 'hot',
      key: 'hot',
      result: n % 50 < 30 ? 'same' : `other ${n}`,
      ...(n % 23 === 0 && { occurrence: `occurrence ${n % 3}` }),
      ...(n % 37 === 0 && { approval: `approval ${n % 4}` }),
    };
    events.push(call('started', options));
    const outcome = call((['succeeded', 'succeeded', 'failed', 'unknown'] as const)[n % 4] ?? 'succeeded', options);
    if (n % 7 === 0) late.push([n + 5 + (n % 160), outcome]);
    else if (n % 11 !== 0) events.push(outcome);
    for (const waiting of late.splice(0)) {
      if (waiting[0] <= n) events.push(waiting[1]);
      else late.push(waiting);
    }
  }
  return events.map((event, index) => ({ event, at: index * everyMs }));
}

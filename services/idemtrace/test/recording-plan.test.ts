import fc from 'fast-check';
import { expect, test } from 'vitest';
import { derivedUuid, emitterIdOf } from '../src/recording/identity.ts';
import { type Moment, Planner } from '../src/recording/plan.ts';
import { surveyOf } from '../src/recording/survey.ts';
import type { RecordedLine, RecordedRetrieval, RecordedToolCall } from '../src/recording/types.ts';

const DIGEST = 'd'.repeat(64);
const NOON = Date.UTC(2026, 10, 2, 12);

function plan(lines: readonly RecordedLine[], digest = DIGEST): readonly Moment[] {
  const planner = new Planner({ digest, survey: surveyOf(lines) });
  return lines.flatMap((value, index) => planner.add({ number: index + 1, value }));
}

interface Where {
  readonly workflow?: string;
  readonly run?: string;
  readonly tenant?: string;
  readonly step?: number;
  /** s after noon; undefined: the line tells no time. */
  readonly at?: number | undefined;
}

function scope({ workflow = 'w', run = 'r1', tenant = 'acme', step = 0, at }: Where) {
  return {
    ...{ tenantId: tenant, workflowId: workflow, runId: run, attempt: Number(run.slice(1)) || 1, stepIndex: step },
    ...(at !== undefined && { occurredAt: new Date(NOON + at * 1_000).toISOString() }),
  };
}

function call(tool: string, where: Where & { takes?: number; id?: string } = {}): RecordedToolCall {
  const { takes, id } = where;
  return {
    ...{ kind: 'tool_call', ...scope(where), tool, arguments: {}, status: 'succeeded' },
    ...(takes !== undefined && { durationMs: takes * 1_000 }),
    ...(id !== undefined && { toolCallId: id }),
  };
}

function retrieval(where: Where & { id?: string } = {}): RecordedRetrieval {
  const { id } = where;
  return { kind: 'retrieval', ...scope(where), dataSource: 'kb', query: 'q', documents: [], ...(id !== undefined && { toolCallId: id }) };
}

/** A plan as one reads it: `+r1 >a <a ?kb -r1`. */
function story(moments: readonly Moment[]): string {
  const word = (moment: Moment): string => {
    if (moment.kind === 'run_started') return `+${moment.run.runId}`;
    if (moment.kind === 'run_ended') return `-${moment.run.runId}`;
    if (moment.kind === 'call_started') return `>${moment.call.tool}`;
    if (moment.kind === 'call_settled') return `<${moment.call.tool}`;
    return `?${moment.retrieval.dataSource}`;
  };
  return moments.map(word).join(' ');
}

test('a run starts at its first line and ends where the next run of its workflow starts, or at the end', () => {
  const lines = [call('a', { at: 0, takes: 1 }), call('b', { at: 2, step: 1 }), call('c', { at: 9, run: 'r2' })];
  expect(story(plan(lines))).toBe('+r1 >a <a >b <b -r1 +r2 >c <c -r2');
});

test('calls that overlap settle as their times say', () => {
  const lines = [
    call('a', { at: 0, takes: 5 }),
    call('b', { at: 1, takes: 1 }),
    call('c', { at: 3, takes: 9 }),
    call('d', { at: 5, takes: 1 }),
  ];
  expect(story(plan(lines))).toBe('+r1 >a >b <b >c <a >d <d <c -r1');
});

test('a call of another workflow settles nothing here', () => {
  const lines = [call('a', { at: 0, takes: 1 }), call('x', { at: 60, workflow: 'v' }), call('b', { at: 2, takes: 1 })];
  expect(story(plan(lines).filter(({ run }) => run.workflowId === 'w'))).toBe('+r1 >a <a >b <b -r1');
});

test('without times a call settles before the next line that is not its own retrieval', () => {
  const lines = [
    call('a', { id: 'k' }),
    retrieval({ id: 'k' }),
    call('b', { step: 1, id: 'l' }),
    retrieval({ step: 2 }),
    call('c', { run: 'r2' }),
  ];
  expect(story(plan(lines))).toBe('+r1 >a ?kb <a >b <b ?kb -r1 +r2 >c <c -r2');
  expect(plan(lines).every(({ at }) => at === null)).toBe(true);
});

test('a retrieval takes the execution of the call that it names, and comes before its outcome if the times allow', () => {
  const within = plan([call('a', { at: 0, takes: 2, id: 'k' }), retrieval({ at: 2, id: 'k' })]);
  expect(story(within)).toBe('+r1 >a ?kb <a -r1');
  const after = plan([call('a', { at: 0, takes: 1, id: 'k' }), retrieval({ at: 2, id: 'k' })]);
  expect(story(after)).toBe('+r1 >a <a ?kb -r1');
  for (const moments of [within, after]) {
    expect(moments.find(({ kind }) => kind === 'retrieval')).toMatchObject({ executionId: derivedUuid(DIGEST, 1, 'execution') });
  }
});

test('a tool call id counts only within its run and step; the latest call of that name is meant', () => {
  const lines = [
    ...[call('a', { id: 'k' }), call('b', { id: 'k' }), retrieval({ id: 'k' })],
    ...[retrieval({ id: 'k', step: 7 }), retrieval({ id: 'k', run: 'r2' }), retrieval()],
  ];
  const found = plan(lines).flatMap((moment) => (moment.kind === 'retrieval' ? [moment.executionId] : []));
  expect(found).toEqual([derivedUuid(DIGEST, 2, 'execution'), null, null, null]);
});

test('a run that goes on after another began ends once, after its own last line', () => {
  const lines = [call('a', { run: 'r1' }), call('b', { run: 'r2' }), call('c', { run: 'r1' }), call('d', { run: 'r3' })];
  expect(story(plan(lines))).toBe('+r1 >a <a +r2 >b <b >c <c -r1 -r2 +r3 >d <d -r3');
});

test('no run ends before its calls have settled, though the next one has started', () => {
  const lines = [call('a', { at: 0, takes: 10 }), call('b', { at: 5, run: 'r2', takes: 1 }), call('c', { at: 20, run: 'r2' })];
  expect(story(plan(lines))).toBe('+r1 >a +r2 >b <b <a -r1 >c <c -r2');
});

test('W6: ids that the file gives are kept, all others come from file and line', () => {
  const given = '0192f3a4-0000-7000-8000-00000000ABCD';
  const [, started] = plan([{ ...call('a'), executionId: given }]);
  expect(started).toMatchObject({ executionId: given.toLowerCase() });
  const derived = ['execution', 'retrieval'].flatMap((purpose) =>
    [1, 2, 11].flatMap((line) => ['a', 'b'].map((digest) => derivedUuid(digest, line, purpose as 'execution'))),
  );
  expect(new Set(derived).size).toBe(12);
  for (const id of [...derived, emitterIdOf('a', 'acme')])
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  // A published id: changing the derivation would make a second replay of an old file new events.
  expect(derivedUuid(DIGEST, 1, 'execution')).toBe('57f3188a-6e78-87ec-9af2-3b4774f8c37a');
});

test('a call still names what it rests on where retrievals have names of their own', () => {
  const lines: RecordedLine[] = [
    { ...retrieval(), retrievalId: 'first look' },
    { ...call('a', { step: 1 }), groundedOn: ['first look'] },
  ];
  const [, looked, started, settled] = plan(lines);
  const retrievalId = looked?.kind === 'retrieval' ? looked.retrievalId : '';
  expect(retrievalId).toMatch(/^[0-9a-f-]{36}$/);
  for (const moment of [started, settled]) expect(moment).toMatchObject({ call: { groundedOn: [retrievalId] } });
  const [, elsewhere] = plan([{ ...retrieval({ workflow: 'v' }), retrievalId: 'first look' }]);
  expect(elsewhere).not.toMatchObject({ retrievalId });
});

const anyLine = fc.record({
  workflow: fc.constantFrom('v', 'w'),
  tenant: fc.constantFrom('acme', 'borealis'),
  run: fc.constantFrom('r1', 'r2', 'r3'),
  step: fc.nat(3),
  at: fc.option(fc.nat(30), { nil: undefined }),
  takes: fc.nat(8),
  id: fc.constantFrom('k', 'l'),
  retrieves: fc.boolean(),
});
const anyLines = fc
  .array(anyLine, { maxLength: 60 })
  .map((lines) => lines.map(({ retrieves, ...where }, index) => (retrieves ? retrieval(where) : call(`t${index}`, where))));

test('W1: whatever the lines, each run starts and ends once around its moments, and each call settles once after its start', () => {
  fc.assert(
    fc.property(anyLines, (lines) => {
      const moments = plan(lines);
      const runs = new Map<string, 'open' | 'ended'>();
      const calls = new Map<string, 'started' | 'settled'>();
      for (const moment of moments) {
        const { tenantId, workflowId, runId } = moment.run;
        const run = `${tenantId}/${workflowId}/${runId}`;
        expect(runs.get(run)).toBe(moment.kind === 'run_started' ? undefined : 'open');
        if (moment.kind === 'run_started') runs.set(run, 'open');
        if (moment.kind === 'run_ended') runs.set(run, 'ended');
        if (moment.kind === 'call_started') {
          expect(calls.has(moment.executionId)).toBe(false);
          calls.set(moment.executionId, 'started');
        }
        if (moment.kind === 'call_settled') {
          expect(calls.get(moment.executionId)).toBe('started');
          calls.set(moment.executionId, 'settled');
        }
      }
      expect([...runs.values()].every((state) => state === 'ended')).toBe(true);
      expect([...calls.values()].every((state) => state === 'settled')).toBe(true);
      expect(calls.size).toBe(lines.filter(({ kind }) => kind === 'tool_call').length);
      const starts = moments.filter(({ kind }) => kind === 'call_started' || kind === 'retrieval').map(({ line }) => line);
      expect(starts).toEqual(lines.map((_, index) => index + 1));
    }),
  );
});

test('T1: each tenant has an emitter of its own, whose numbers have no gap', () => {
  fc.assert(
    fc.property(anyLines, (lines) => {
      const next = new Map<string, number>();
      const owner = new Map<string, string>();
      for (const { emitterId, sequence, run } of plan(lines)) {
        expect(sequence).toBe(next.get(emitterId) ?? 0);
        next.set(emitterId, sequence + 1);
        expect(owner.get(emitterId) ?? run.tenantId).toBe(run.tenantId);
        owner.set(emitterId, run.tenantId);
      }
    }),
  );
});

test('W6: planning a file again gives the same moments, another file others', () => {
  fc.assert(
    fc.property(anyLines, (lines) => {
      expect(plan(lines)).toEqual(plan(lines));
      const ids = (digest: string) => plan(lines, digest).flatMap((moment) => ('executionId' in moment ? [moment.executionId] : []));
      const others = new Set(ids('e'.repeat(64)));
      expect(ids(DIGEST).some((id) => id !== null && others.has(id))).toBe(false);
    }),
  );
});

test('what settles between two lines of a workflow does so in the order of time', () => {
  fc.assert(
    fc.property(fc.array(anyLine, { maxLength: 40 }), (parts) => {
      const lines = parts
        .map(({ at = 0, takes, step }, index) => call(`t${index}`, { at, takes, step }))
        .sort((a, b) => ((a.occurredAt ?? '') < (b.occurredAt ?? '') ? -1 : 1));
      const times = plan(lines).flatMap(({ kind, at }) => (kind === 'call_started' || kind === 'call_settled' ? [at ?? 0] : []));
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }),
  );
});

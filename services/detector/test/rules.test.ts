import { describe, expect, test } from 'vitest';
import { call, retrieval, runEvent, short, tell } from './story.ts';

const succeeded = (options: Parameters<typeof call>[1]) => [call('started', options), call('succeeded', options)];
const failed = (options: Parameters<typeof call>[1]) => [call('started', options), call('failed', options)];
const unknown = (options: Parameters<typeof call>[1]) => [call('started', options), call('unknown', options)];

describe('duplicate_execution', () => {
  test('an agent that charges twice after a timeout is alerted on the second charge, not the first', async () => {
    const found = await tell([...unknown({ execution: 'a' }), ...succeeded({ execution: 'b', step: 1 })]);
    expect(short(found)).toEqual(['2 duplicate_execution critical model_repeat']);
    expect(found[0]?.finding.trigger.stepIndex).toBe(1);
  });

  test('a retry after a certain failure is info', async () => {
    expect(short(await tell([...failed({ execution: 'a' }), ...succeeded({ execution: 'b' })]))).toEqual([
      '2 duplicate_execution info in_run_retry',
    ]);
  });

  test('a repeat that fails itself is taken back to info, under the same trigger', async () => {
    const found = await tell([...succeeded({ execution: 'a' }), ...failed({ execution: 'b', step: 1 })]);
    expect(short(found)).toEqual(['2 duplicate_execution critical model_repeat', '3 duplicate_execution info model_repeat']);
    expect(found[0]?.finding.trigger).toEqual(found[1]?.finding.trigger);
  });

  test('a late outcome of the first call revises the verdict on the second', async () => {
    const found = await tell([
      call('started', { execution: 'a' }),
      call('started', { execution: 'b', step: 1 }),
      call('failed', { execution: 'a' }),
      call('succeeded', { execution: 'b', step: 1 }),
    ]);
    expect(short(found)).toEqual(['1 duplicate_execution critical concurrent', '2 duplicate_execution info concurrent']);
  });

  test('W6: one execution that reports many phases, many times over, counts once', async () => {
    const a = { execution: 'a' };
    expect(await tell([...succeeded(a), ...succeeded(a), call('unknown', a)])).toEqual([]);
  });

  test('severity follows from the effect class', async () => {
    const twice = (effect: 'read' | 'idempotent_write' | 'write' | 'delegate') =>
      tell([...succeeded({ execution: 'a', effect }), ...succeeded({ execution: 'b', effect })]).then((found) =>
        found.map((f) => f.finding.severity),
      );
    expect(await twice('read')).toEqual(['info']);
    expect(await twice('idempotent_write')).toEqual(['warning']);
    expect(await twice('write')).toEqual(['critical']);
    expect(await twice('delegate')).toEqual([]);
  });

  test('an inferred class yields warning at most, and the policy of the detector wins over the record', async () => {
    const events = [...succeeded({ execution: 'a', source: 'inferred' }), ...succeeded({ execution: 'b', source: 'inferred' })];
    expect(short(await tell(events))).toContain('2 duplicate_execution warning model_repeat');
    expect(short(await tell(events, { policy: { defaultEffect: 'write' } }))).toEqual(['2 duplicate_execution critical model_repeat']);
    expect(short(await tell(events, { policy: { tools: [{ match: 'ch*', effect: 'read' }] } }))).toEqual([
      '2 duplicate_execution info model_repeat',
    ]);
  });

  test('another declared occurrence is a second effect that is meant, the same occurrence is not', async () => {
    const meant = [...succeeded({ execution: 'a', occurrence: 'march' }), ...succeeded({ execution: 'b', occurrence: 'april' })];
    expect(await tell(meant)).toEqual([]);
    const again = [...meant, ...succeeded({ execution: 'c', occurrence: 'april' })];
    expect(short(await tell(again))).toEqual(['4 duplicate_execution critical model_repeat']);
  });

  test('a fresh approval lets one second effect through, and not a third', async () => {
    const events = [...succeeded({ execution: 'a' }), ...succeeded({ execution: 'b', approval: 'ok-1' })];
    expect(await tell(events)).toEqual([]);
    expect(short(await tell([...events, ...succeeded({ execution: 'c', approval: 'ok-1' })]))).toEqual([
      '4 duplicate_execution critical model_repeat',
    ]);
  });

  test('both sent downstream under one idempotency key are protected', async () => {
    const key = { downstreamKey: 'same' };
    expect(short(await tell([...unknown({ execution: 'a', ...key }), ...succeeded({ execution: 'b', ...key })]))).toEqual([
      '2 duplicate_execution info protected',
    ]);
  });

  test('a call that the ledger answered is no execution', async () => {
    expect(await tell([...succeeded({ execution: 'a' }), call('replayed', { execution: 'b' })])).toEqual([]);
    const withdrawn = await tell([
      ...succeeded({ execution: 'a' }),
      call('started', { execution: 'b' }),
      call('replayed', { execution: 'b' }),
    ]);
    expect(short(withdrawn)).toEqual(['2 duplicate_execution critical model_repeat', '3 duplicate_execution info model_repeat']);
  });

  test('what was compensated may be done again', async () => {
    const events = [...succeeded({ execution: 'a' }), call('compensated', { execution: 'a' }), ...succeeded({ execution: 'b' })];
    expect(short(await tell(events))).toEqual(['3 duplicate_execution info in_run_retry']);
  });

  test('what has no hash is never judged a repeat', async () => {
    expect(await tell([...succeeded({ execution: 'a', input: null }), ...succeeded({ execution: 'b', input: null })])).toEqual([]);
  });

  test('a repeat across a key rotation is seen through the hash under the old key', async () => {
    const events = [
      ...succeeded({ execution: 'a', hashKeyIds: ['k1'] }),
      ...succeeded({ execution: 'b', hashKeyIds: ['k2', 'k1'] }),
      ...succeeded({ execution: 'c', hashKeyIds: ['k2'] }),
    ];
    expect(short(await tell(events))).toEqual([
      '2 duplicate_execution critical model_repeat',
      '4 duplicate_execution critical model_repeat',
    ]);
  });

  test('membership is decided in log time: a repeat after the window is none', async () => {
    const events = [...succeeded({ execution: 'a' }), ...succeeded({ execution: 'b' })];
    expect(short(await tell(events, { windowMs: 1000, at: [0, 0, 1000, 1000] }))).toHaveLength(1);
    expect(await tell(events, { windowMs: 1000, at: [0, 0, 1001, 1001] })).toEqual([]);
  });
});

describe('causes', () => {
  const second = async (first: object, other: object) => {
    const found = await tell([...succeeded({ execution: 'a', ...first }), ...succeeded({ execution: 'b', ...other })]);
    return found[0]?.finding.cause;
  };
  test('same_call: one tool call of the model executed twice in its run', async () => {
    expect(await second({ toolCallId: 'c' }, { toolCallId: 'c' })).toBe('same_call');
    expect(await second({ toolCallId: 'c' }, { toolCallId: 'c', run: 'run-2' })).toBe('run_retry');
  });
  test('run_retry: another run at the same step, or after the same calls; else replan', async () => {
    expect(await second({ step: 3 }, { step: 3, run: 'run-2' })).toBe('run_retry');
    expect(await second({ step: 3, precedingCalls: 'p' }, { step: 4, run: 'run-2', precedingCalls: 'p' })).toBe('run_retry');
    expect(await second({ step: 3, precedingCalls: 'p' }, { step: 4, run: 'run-2', precedingCalls: 'q' })).toBe('replan');
  });
  test('an earlier call past its deadline is taken for dead, not for concurrent', async () => {
    const events = [call('started', { execution: 'a' }), ...succeeded({ execution: 'b', run: 'run-2' })];
    expect(short(await tell(events, { everyMs: 1000 }))[0]).toContain('concurrent');
    expect(short(await tell(events, { everyMs: 600_000 }))[0]).toContain('run_retry');
  });
  test('severity and cause are judged against the latest effective one, not against a later failure', async () => {
    const events = [...succeeded({ execution: 'a' }), ...failed({ execution: 'b' }), ...succeeded({ execution: 'c' })];
    expect(short(await tell(events)).at(-1)).toBe('4 duplicate_execution critical model_repeat');
  });
});

describe('divergent_execution', () => {
  const first = succeeded({ execution: 'a', input: 'invoice 7, 100', key: 'invoice 7' });
  test('a retried run that charges the same invoice with another amount is critical', async () => {
    const found = await tell([...first, ...succeeded({ execution: 'b', run: 'run-2', input: 'invoice 7, 120', key: 'invoice 7' })]);
    expect(short(found)).toEqual(['2 divergent_execution critical run_retry']);
  });
  test('a second change within one run is an amendment', async () => {
    expect(await tell([...first, ...succeeded({ execution: 'b', input: 'invoice 7, 120', key: 'invoice 7' })])).toEqual([]);
  });
  test('agents that work on one workflow together are no retry of each other', async () => {
    const other = { execution: 'b', input: 'invoice 7, 120', key: 'invoice 7' };
    expect(await tell([...first, ...succeeded({ ...other, run: 'child', parentRun: 'run-1' })])).toEqual([]);
    const siblings = [
      ...succeeded({ execution: 'a', run: 'child-1', parentRun: 'run-1', input: 'x', key: 'k' }),
      ...succeeded({ execution: 'b', run: 'child-2', parentRun: 'run-1', input: 'y', key: 'k' }),
    ];
    expect(await tell(siblings)).toEqual([]);
  });
  test('nothing diverges from what failed, and a read never diverges', async () => {
    const other = { execution: 'b', run: 'run-2', input: 'invoice 7, 120', key: 'invoice 7' };
    expect(await tell([...failed({ execution: 'a', input: 'invoice 7, 100', key: 'invoice 7' }), ...succeeded(other)])).toEqual([]);
    expect(await tell([...first, ...succeeded({ ...other, effect: 'read' })])).toEqual([]);
  });
  test('an exact repeat is told once, as a duplicate', async () => {
    const events = [...first, ...succeeded({ execution: 'b', run: 'run-2', input: 'invoice 7, 100', key: 'invoice 7' })];
    expect(short(await tell(events))).toEqual(['2 duplicate_execution critical run_retry']);
  });
  test('hashes under other key ids alone are not comparable', async () => {
    const events = [
      ...first,
      ...succeeded({ execution: 'b', run: 'run-2', input: 'invoice 7, 120', key: 'invoice 7', hashKeyIds: ['k2'] }),
    ];
    expect(await tell(events)).toEqual([]);
  });
});

describe('execution_loop', () => {
  const loop = (n: number, options: object = {}) =>
    Array.from({ length: n }, (_, i) => succeeded({ execution: `e${i}`, step: i, effect: 'read', ...options })).flat();
  const loops = async (events: Parameters<typeof tell>[0], policy = {}) =>
    short(await tell(events, { policy })).filter((line) => line.includes('execution_loop'));

  test('fires at five, is revised at ten and twenty under one trigger', async () => {
    const found = (await tell(loop(21))).filter(({ finding }) => finding.rule === 'execution_loop');
    expect(found.map(({ at }) => at)).toEqual([9, 19, 39]);
    expect(new Set(found.map(({ finding }) => finding.trigger.executionId)).size).toBe(1);
  });
  test('polling until the state changes is no loop', async () => {
    const polled = Array.from({ length: 8 }, (_, i) => succeeded({ execution: `e${i}`, effect: 'read', result: `state ${i % 4}` })).flat();
    expect(await loops(polled)).toEqual([]);
  });
  test('another success in between is progress', async () => {
    const events = [
      ...loop(4),
      ...succeeded({ execution: 'x', tool: 'write_page' }),
      ...Array.from({ length: 4 }, (_, i) => succeeded({ execution: `f${i}`, effect: 'read' })).flat(),
    ];
    expect(await loops(events)).toEqual([]);
  });
  test('a declared poll is let off up to its max', async () => {
    expect(await loops(loop(8, { poll: 8 }))).toEqual([]);
    expect(await loops(loop(9, { poll: 8 }))).toHaveLength(1);
    expect(await loops(loop(8), { tools: [{ match: 'charge', effect: 'read', poll: { max: 8 } }] })).toEqual([]);
  });
  test('without a result hash nothing shows that nothing changes', async () => {
    expect(await loops(loop(6, { result: null }))).toEqual([]);
  });
  test('the same calls in five runs are no loop', async () => {
    const events = Array.from({ length: 6 }, (_, i) => succeeded({ execution: `e${i}`, run: `run-${i}`, effect: 'read' })).flat();
    expect(await loops(events)).toEqual([]);
  });
});

describe('documents', () => {
  test('each document of another tenant is critical, once per retrieval', async () => {
    const found = await tell([
      retrieval('r', [
        ['d1', 'acme'],
        ['d2', 'globex'],
        ['d2', 'globex'],
        ['d3', 'initech'],
      ]),
    ]);
    expect(found.map(({ finding }) => [finding.rule, finding.severity, finding.subject])).toEqual([
      ['foreign_document', 'critical', 'd2'],
      ['foreign_document', 'critical', 'd3'],
    ]);
  });
  test('documents of a tenant that the policy shares are everyone’s', async () => {
    expect(await tell([retrieval('r', [['d', 'shared']])], { policy: { sharedTenants: ['shared'] } })).toEqual([]);
  });
  test('documents without a tenant are said once per data source', async () => {
    const events = [retrieval('r1', [['d', null]]), retrieval('r2', [['e', null]]), retrieval('r3', [['f', null]], { dataSource: 'wiki' })];
    expect(short(await tell(events))).toEqual(['0 untagged_document warning', '2 untagged_document warning']);
    expect(await tell(events, { policy: { dataSources: [{ match: '*', untagged: 'allow' }] } })).toEqual([]);
  });
});

describe('unclassified_tool', () => {
  test('a tool without a declared class is named once, with the policy line to add', async () => {
    const found = await tell([
      ...succeeded({ execution: 'a', source: 'inferred' }),
      ...succeeded({ execution: 'b', input: 'other', source: 'inferred' }),
    ]);
    expect(short(found)).toEqual(['0 unclassified_tool info']);
    expect(found[0]?.finding.suggestion).toBe('Declare it: "charge": { effect: write }');
  });
  test('a class that code, annotations or the policy declare is one', async () => {
    expect(await tell([call('started', { execution: 'a', source: 'annotation' })])).toEqual([]);
    expect(await tell([call('started', { execution: 'a', source: 'inferred' })], { policy: { defaultEffect: 'write' } })).toEqual([]);
  });
});

describe('W2', () => {
  const story = [
    runEvent('run-1', 'started'),
    ...unknown({ execution: 'a', key: 'k' }),
    retrieval('r', [
      ['d', null],
      ['x', 'globex'],
    ]),
    ...succeeded({ execution: 'b', run: 'run-2', key: 'k' }),
    ...succeeded({ execution: 'c', run: 'run-3', input: 'other', key: 'k' }),
    call('failed', { execution: 'a', key: 'k' }),
    ...succeeded({ execution: 'b', run: 'run-2', key: 'k' }),
    ...Array.from({ length: 6 }, (_, i) => succeeded({ execution: `e${i}`, step: i, effect: 'read', source: 'inferred' })).flat(),
  ];
  test.each([2, 7, 500])('W2: batches of %i give the same verdicts as records one by one', async (batch) => {
    const one = await tell(story);
    expect(one.length).toBeGreaterThan(5);
    expect(await tell(story, { batch })).toEqual(one);
  });
  test('W2: a rule that is switched off is silent, the others are not', async () => {
    const found = await tell(story, { policy: { disabledRules: ['foreign_document'] } });
    expect(short(found).join()).not.toContain('foreign_document');
    expect(short(found).join()).toContain('untagged_document');
  });
});

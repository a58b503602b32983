/** A new version of the policy, rolled out by a restart: it judges what comes, and no event before it again. */
import { type Alert, EMPTY_POLICY, PolicyLookup } from '@idemtrace/schemas';
import { expect, test } from 'vitest';
import { MemoryWindows } from '../src/windows/memory/memory-windows.ts';
import { append, inWorkflow, judged, log, read, STORY, start, TOPICS, told, WINDOW_MS, workflows } from './loop-scene.ts';
import { call } from './story.ts';

const WORKFLOWS = 20;
const strict = new PolicyLookup({ ...EMPTY_POLICY, version: 'first', defaultEffect: 'write' });
/** Under it all that the story repeats is info, and one of its rules is silent. */
const lenient = new PolicyLookup({ ...EMPTY_POLICY, version: 'second', defaultEffect: 'read', disabledRules: ['foreign_document'] });

/** A call that was begun before, ends after; and one more. */
const open = call('started', { execution: 'open', run: 'run-2', step: 2 });
const AFTER = [
  call('failed', { execution: 'open', run: 'run-2', step: 2 }),
  call('started', { execution: 'new', run: 'run-3' }),
  call('succeeded', { execution: 'new', run: 'run-3' }),
];
const inEach = (events: typeof AFTER) => Array.from({ length: WORKFLOWS }, (_, n) => inWorkflow(n, events)).flat();

test.each(['kept', 'lost'])(
  'W5: no event that was judged under one policy yields an alert or a revision under the next (windows %s)',
  async (fate) => {
    const windows = new MemoryWindows({ windowMs: WINDOW_MS });
    await append([...workflows(WORKFLOWS), ...inEach([open])]);
    const first = await start({ windows, policy: () => strict });
    await judged();
    await first.close();
    const before = await read<Alert>(TOPICS.alerts);
    const ends = (await log.bounds(TOPICS.events)).map(({ high }) => high);
    expect(before.filter(({ severity }) => severity === 'critical').length).toBeGreaterThan(WORKFLOWS);

    // What comes makes it certain that the second was there, and has read what it reads of the window.
    const second = await start({ policy: () => lenient, maxRecords: 20, ...(fate === 'kept' && { windows }) });
    await append(inEach(AFTER));
    await judged();
    expect(second.status().counters.replayed).toBe(fate === 'kept' ? 0 : WORKFLOWS * (STORY.length + 1));
    const after = await read<Alert>(TOPICS.alerts);
    const old = after.filter(({ partition, revision }) => revision < (ends[partition] ?? 0));
    const come = after.filter(({ partition, revision }) => revision >= (ends[partition] ?? 0));
    expect(told(old)).toEqual(told(before));
    expect(come.length).toBeGreaterThanOrEqual(WORKFLOWS);
    expect(new Set(come.map(({ policyVersion, severity }) => `${policyVersion} ${severity}`))).toEqual(new Set(['second info']));
  },
);

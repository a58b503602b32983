import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type PolicyChange, watchPolicy } from '../src/policy/index.ts';

function watched(initial: string, intervalMs = 1000) {
  const state = { text: initial as string | undefined, now: 0, changes: [] as PolicyChange[] };
  const result = watchPolicy('policy.yaml', {
    clock: () => state.now,
    intervalMs,
    onChange: (change) => state.changes.push(change),
    read: () => {
      if (state.text === undefined) throw new Error('no such file');
      return state.text;
    },
  });
  if (!result.ok) throw new Error('the initial policy must be valid');
  return { state, source: result.source };
}

test('a changed policy takes effect at the next look that is due, and not before', () => {
  const { state, source } = watched('version: a\n');
  const first = source.current();
  state.text = 'version: b\n';
  state.now = 999;
  expect(source.current()).toBe(first);
  state.now = 1000;
  expect(source.current().policy.version).toBe('b');
  expect(state.changes).toMatchObject([{ kind: 'reloaded', sameVersion: false }]);
});

test('a broken new policy leaves the old one in force and is reported once', () => {
  const { state, source } = watched('version: a\n');
  state.text = 'version: [b\n';
  source.poll();
  source.poll();
  expect(source.current().policy.version).toBe('a');
  expect(state.changes.map((change) => change.kind)).toEqual(['broken']);
  state.text = 'version: c\n';
  source.poll();
  expect(source.current().policy.version).toBe('c');
});

test('a policy file that goes away is reported once, and read again when it is back', () => {
  const { state, source } = watched('version: a\n');
  state.text = undefined;
  source.poll();
  source.poll();
  expect(source.current().policy.version).toBe('a');
  state.text = 'version: b\n';
  source.poll();
  expect(source.current().policy.version).toBe('b');
  expect(state.changes.map((change) => change.kind)).toEqual(['unreadable', 'reloaded']);
});

test('a comment changes nothing, and another policy under the same version is said to be one', () => {
  const { state, source } = watched('version: a\n');
  const first = source.current();
  state.text = '# why\nversion: a\n';
  source.poll();
  expect(source.current()).toBe(first);
  state.text = 'version: a\ndefaultEffect: read\n';
  source.poll();
  expect(state.changes).toMatchObject([{ kind: 'reloaded', sameVersion: true }]);
});

test('a policy that is broken at the start is answered with its mistakes; a missing file is a fault', () => {
  const folder = mkdtempSync(join(tmpdir(), 'policy-'));
  try {
    const path = join(folder, 'policy.yaml');
    expect(() => watchPolicy(path, { clock: () => 0 })).toThrow();
    writeFileSync(path, 'vresion: a\n');
    const result = watchPolicy(path, { clock: () => 0 });
    expect(!result.ok && result.mistakes).toHaveLength(2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

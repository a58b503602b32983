import { stripVTControlCharacters } from 'node:util';
import { CAUSE_SYMBOLS, RULE_SYMBOLS } from '@idemtrace/schemas';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { compareArguments } from '../src/pictures/arguments.ts';
import { shorten, wrap } from '../src/pictures/cells.ts';
import { alertLine, drawAttempts, tellAlert } from '../src/pictures/index.ts';
import { pictureOf } from '../src/pictures/picture.ts';
import type { ExecutionView } from '../src/pictures/view.ts';
import { anyView, billingView, digest, evidenceOf, manyRuns, nestedView, ViewWriter } from './pictures-views.ts';

const plain = { columns: 100, color: false, unicode: true };

/** Anything that a terminal would act on, line ends apart. */
const ACTS = /[^\P{C}\n\p{Cn}\p{Co}]/u;

test('attempts stand side by side, the clash joined by a line and the alert at its place', () => {
  expect(`\n${drawAttempts(billingView(), plain)}\n`).toBe(`
acme / invoice-2041
2 runs · 6 executions · 2 critical

attempt 1 · no end seen                             attempt 2 · succeeded
run-1 · billing-agent 1.4.0                         run-2 · billing-agent 1.4.0
───────────────────────────────────────────────     ───────────────────────────────────────────────
0 ✓ r crm.find_customer                             0 ✓ r crm.find_customer
    ⌕ contracts 3 documents
      ⚑ rate-card-9 of globex
      ▲ critical foreign_document
1 ? W billing.charge ① ●──────────────────────────▶ 1 ✓ W billing.charge ①
                                                        ▲ critical duplicate_execution · run_retry
                                                    2 ✓ W mail.send_receipt
                                                    3 ✓ s crm.close_ticket

r read   s sets a state   W write   ✓ succeeded   ? unknown: may have had its effect
⌕ retrieval   ⚑ another tenant's document   ● ▶ what came first, and what followed
`);
});

test('where the terminal is narrow attempts are stacked, and the clash runs along the margin', () => {
  const lines = drawAttempts(billingView(), { ...plain, columns: 50 }).split('\n');
  expect(lines.filter((line) => /[╭│╰]/.test(line)).map((line) => line.slice(0, 10).trimEnd())).toEqual([
    '  ╭● 1 ? W',
    '  │',
    '  │  attem',
    '  │  run-2',
    '  │  ─────',
    '  │  0 ✓ r',
    '  ╰▶ 1 ✓ W',
  ]);
});

test('without Unicode a picture is ASCII alone, names included', () => {
  expect(drawAttempts(nestedView(), { ...plain, unicode: false })).toMatch(/^[\x20-\x7e\n]*$/);
  expect(drawAttempts(billingView(), { ...plain, unicode: false })).toContain('1 ? W billing.charge #1 o---');
});

test('colour adds styles and changes no character', () => {
  for (const view of [billingView(), nestedView(), manyRuns(8)]) {
    const colored = drawAttempts(view, { ...plain, color: true });
    expect(stripVTControlCharacters(colored)).toBe(drawAttempts(view, plain));
    expect(colored).not.toBe(drawAttempts(view, plain));
  }
});

test('long stretches without alerts are left out, and say how many steps they held', () => {
  const picture = drawAttempts(manyRuns(2, 60), plain);
  expect(picture.match(/⋯ \d+ steps ⋯/g)).toEqual(['⋯ 28 steps ⋯', '⋯ 28 steps ⋯', '⋯ 27 steps ⋯', '⋯ 27 steps ⋯']);
  expect(picture.split('\n').length).toBeLessThan(20);
});

test('sub-agents stand indented in the step that started them', () => {
  const lines = drawAttempts(nestedView(), plain)
    .split('\n')
    .map((line) => line.slice(5));
  const at = (text: string) => lines.findIndex((line) => line.includes(text));
  const indent = (text: string) => lines[at(text)]?.search(/\S/) ?? -1;
  expect([at('agents.research'), at('researcher'), at('web.search'), at('summariser'), at('notes.append')]).toEqual(
    [0, 1, 2, 4, 5].map((offset) => at('agents.research') + offset),
  );
  expect(indent('web.search')).toBe(indent('agents.research') + 2);
  expect(indent('notes.append')).toBe(indent('web.search') + 2);
});

test('one alert can be drawn alone; the others are only marked', () => {
  const picture = drawAttempts(manyRuns(3), { ...plain, columns: 150, alertId: 'alert-2' });
  expect(picture.match(/▲/g)).toHaveLength(1);
  expect(picture).toContain('payments.transfer i ① ●');
});

test('runs that are each other’s parents are drawn once each', () => {
  const writer = new ViewWriter();
  writer.run({ attempt: 1, runId: 'a', parentRunId: 'b' }).call('one');
  writer.run({ attempt: 2, runId: 'b', parentRunId: 'a' }).call('two');
  writer.run({ attempt: 3, runId: 'c', parentRunId: 'c' }).call('three');
  const picture = drawAttempts(writer.view(), plain);
  for (const tool of ['one', 'two', 'three']) expect(picture.split(` ${tool}`)).toHaveLength(2);
});

test('a contaminated action is joined to the retrieval that it rests on', () => {
  const writer = new ViewWriter();
  const run = writer.run({ attempt: 1 });
  const foreign = { id: 'doc', tenantId: 'globex', score: null };
  const read = run.retrieve('kb', [foreign]);
  const action = run.call('mail.send', 'write');
  writer.alert({ rule: 'contaminated_action', cause: null, executionId: action.executionId, evidence: { documents: [foreign] } });
  expect(pictureOf(writer.view()).clashes).toMatchObject([{ from: read.retrievalId, to: action.executionId }]);
});

describe('an alert is told as a person wants to read it', () => {
  test('which attempts, why, which arguments differ, what it rests on, what to do', () => {
    const view = billingView();
    expect(view.alerts.slice(1).map((alert) => `\n${tellAlert(alert, view)}\n`)[0]).toBe(`
critical duplicate_execution, run_retry
billing.charge ran twice with the same input in the workflow invoice-2041.

What happened
  10:02:13.000  attempt 1, step 1  run-1  unknown    the earlier one
  10:02:15.000  attempt 2, step 1  run-2  succeeded  this one

Why
  A later run repeated it at the same place of the plan: the workflow was retried, and nothing told
  the run what the one before had done.
  The earlier one's answer was lost: it may have had its effect.

Arguments
  same: amount, invoice_id
  different: request_id
  only the earlier one: memo
  only this one: note
  The inputs count as the same: the policy leaves out what it declares volatile.
  input.invoice_id = "inv-2041"

Rests on
  contracts, read in run-1 at step 0:
    contract-17, own
    rate-card-9, of globex: FOREIGN
    terms, of shared, not flagged

What to do
  Send the idempotency key downstream, or put a ledger before billing.charge.
`);
  });

  test('every rule and every cause has its words', () => {
    const writer = new ViewWriter();
    const call = writer.run({ attempt: 1 }).call('pay', 'write');
    const headlines = new Set<string>();
    for (const rule of RULE_SYMBOLS.slice(1)) {
      const alert = writer.alert({ rule, cause: null, executionId: call.executionId });
      const told = tellAlert(alert, writer.view());
      headlines.add(told.split('\n')[1] ?? '');
      expect(told).toContain('What to do');
    }
    expect(headlines.size).toBe(RULE_SYMBOLS.length - 1);
    for (const cause of CAUSE_SYMBOLS.slice(1)) {
      expect(tellAlert(writer.alert({ cause, executionId: call.executionId }), writer.view())).toContain('\nWhy\n');
    }
  });

  test('leaves digested under different keys are not compared one by one; whole inputs are, where a rotation gave them a key in common', () => {
    const writer = new ViewWriter();
    const first = writer
      .run({ attempt: 1 })
      .call('pay', 'write', 'succeeded', { leafHashKeyId: 'k0', inputHashes: [{ hashKeyId: 'k0', digest: 'x' }] });
    const second = writer.run({ attempt: 2 }).call('pay', 'write');
    const alert = writer.alert({ executionId: second.executionId, evidence: { judgedAgainst: evidenceOf(first) } });
    expect(tellAlert(alert, writer.view())).toContain('not comparable one by one: they are digested under the keys k0 and k1');
    const rotated = { inputHashes: [...second.inputHashes, ...first.inputHashes] };
    expect(compareArguments(first, { ...second, ...rotated })).toEqual(['same: the input as a whole']);
  });

  test('entries of a list share a path: all of them count', () => {
    const run = new ViewWriter().run({ attempt: 1 });
    const [first, second] = ['a', 'c'].map((last) =>
      run.call('pay', 'write', 'succeeded', { argumentDigests: [digest('items[].sku', last), digest('items[].sku', 'b')] }),
    ) as [ExecutionView, ExecutionView];
    expect(compareArguments(first, second)).toEqual(['different: items[].sku']);
    expect(compareArguments(first, first)).toEqual(['same: items[].sku']);
  });

  test('an incomplete window and executions beyond the evidence are said', () => {
    const writer = new ViewWriter();
    const run = writer.run({ attempt: 1 });
    const [first, second] = [run.call('pay', 'write'), run.call('pay', 'write')];
    const evidence = { judgedAgainst: evidenceOf(first), executionsAcrossRuns: 12, runs: 3, incomparable: 2 };
    const told = tellAlert(writer.alert({ executionId: second.executionId, windowComplete: false, evidence }), writer.view());
    expect(told).toContain('12 executions in all, in 3 runs.');
    expect(told).toContain('2 earlier executions could not be compared');
    expect(told).toContain('no longer reaches back a whole window');
  });
});

test('an alert is one line: time, severity, rule, place, tool, cause', () => {
  const [, alert] = billingView().alerts;
  expect(alert && alertLine(alert, { color: false })).toBe(
    '2026-03-14 10:02:18  critical duplicate_execution  acme/invoice-2041  run-2 step 1  billing.charge  run_retry',
  );
});

test('any view draws and every alert is told: no throw, no line too wide, nothing that a terminal acts on', () => {
  fc.assert(
    fc.property(anyView, fc.integer({ min: 1, max: 160 }), fc.boolean(), (view, columns, unicode) => {
      for (const alertId of [undefined, 'a1']) {
        const picture = drawAttempts(view, { columns, color: false, unicode, ...(alertId !== undefined && { alertId }) });
        expect(picture).not.toMatch(ACTS);
        for (const line of picture.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
      }
      for (const alert of view.alerts) {
        const line = alertLine(alert, { color: false, unicode });
        expect(line).not.toMatch(ACTS);
        expect(line).not.toContain('\n');
        const told = tellAlert(alert, view, { columns, unicode });
        expect(told).not.toMatch(ACTS);
        for (const one of told.split('\n')) expect(stringWidth(one)).toBeLessThanOrEqual(Math.max(columns, 20));
      }
    }),
    { numRuns: 300 },
  );
});

test('every run, execution and retrieval of any view is in its picture exactly once', () => {
  fc.assert(
    fc.property(anyView, (view) => {
      const items = pictureOf(view).lanes.flatMap((lane) => [lane.run, ...lane.blocks.flatMap((block) => block.items)]);
      const drawn = items.map((item) =>
        'kind' in item
          ? item.kind === 'execution'
            ? item.execution
            : item.kind === 'retrieval'
              ? item.retrieval
              : item.kind === 'subrun'
                ? item.run
                : item
          : item,
      );
      const expected = view.runs.flatMap((run) => [run, ...run.executions, ...run.retrievals]);
      expect(drawn.length).toBe(expected.length);
      expect(new Set(drawn)).toEqual(new Set(expected));
    }),
    { numRuns: 300 },
  );
});

test('text is shortened in its middle and never wider than asked', () => {
  expect(shorten('billing.charge_customer', 12, '…')).toBe('billin…tomer');
  expect(shorten('知识库检索文档', 7, '…')).toBe('知…档');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, columns) => {
      expect(stringWidth(shorten(text, columns, '…'))).toBeLessThanOrEqual(columns);
    }),
  );
});

test('paragraphs are broken at spaces, and words too long for a line are cut', () => {
  expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrap('abcdefghij k', 4)).toEqual(['abcd', 'efgh', 'ij k']);
});

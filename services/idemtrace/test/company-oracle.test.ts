import { expect, test } from 'vitest';
import { type CallLabel, EffectOracle } from '../src/company/oracle.ts';
import { Store } from '../src/company/store.ts';

/** A company with one invoice, an oracle, and calls that are nothing but what they do to the state. */
function workshop() {
  const store = new Store();
  store.put('invoices', { id: 'inv', customer_id: 'c', period: '2026-11', status: 'draft' });
  const oracle = new EffectOracle();
  let steps = 0;
  const call = (
    runId: string,
    aim: string,
    act: (store: Store) => void,
    status: 'succeeded' | 'failed' | 'unknown' = 'succeeded',
  ): CallLabel => {
    const before = store.copy();
    act(store);
    steps += 1;
    return oracle.judgeWrite({ workflowId: 'w', runId, stepIndex: steps }, aim, status, store.changesSince(before));
  };
  const read = (runId: string, question: string, answer: string) =>
    oracle.judgeRead({ workflowId: 'w', runId, stepIndex: steps }, question, answer);
  return { call, read };
}

const charge = (id: string, amount_cents: number) => (store: Store) =>
  store.put('charges', { id, invoice_id: 'inv', amount_cents, card: 'card', created_at: `2026-11-02T09:00:0${id.length}Z` });
const mail = (id: string, body: string) => (store: Store) =>
  store.put('outbox', { id, to: 'x@example.com', subject: 's', body, created_at: id });
const status = (value: 'draft' | 'final') => (store: Store) =>
  store.put('invoices', { id: 'inv', customer_id: 'c', period: '2026-11', status: value });
const nothing = () => {};

test('the same rows again are an exact duplicate, in the same run or another', () => {
  const { call } = workshop();
  expect(call('r1', 'charge', charge('a', 100))).toMatchObject({ label: 'first_effect', harm: 'money', effect: ['charges.a added'] });
  expect(call('r1', 'charge', charge('bb', 100))).toMatchObject({ label: 'duplicate_effect', duplicate: 'exact', scope: 'within' });
  expect(call('r2', 'charge', charge('ccc', 100))).toMatchObject({ label: 'duplicate_effect', duplicate: 'exact', scope: 'across' });
});

test('other rows for the same aim are divergent in a later run, an amendment within one', () => {
  const { call } = workshop();
  call('r1', 'mail', mail('a', 'hello'));
  expect(call('r1', 'mail', mail('b', 'hello again'))).toMatchObject({ label: 'amendment', scope: 'within', harm: 'new_record' });
  expect(call('r2', 'mail', mail('c', 'good day'))).toMatchObject({ label: 'duplicate_effect', duplicate: 'divergent', scope: 'across' });
});

test('the same rows for another aim are a first effect', () => {
  const { call } = workshop();
  call('r1', 'seats for sales', charge('a', 100));
  expect(call('r1', 'seats for service', charge('b', 100))).toMatchObject({ label: 'first_effect' });
});

test('a state that is set again as it stands has no effect', () => {
  const { call } = workshop();
  expect(call('r1', 'draft', status('draft'))).toMatchObject({ label: 'noop_no_effect', stateChanged: false });
  expect(call('r1', 'final', status('final'))).toMatchObject({
    label: 'first_effect',
    harm: 'overwrite',
    effect: ['invoices.inv changed'],
  });
  expect(call('r2', 'final', status('final'))).toMatchObject({ label: 'harmless_repeat', sub: 'noop', scope: 'across' });
  expect(call('r2', 'final', nothing, 'failed')).toMatchObject({ label: 'harmless_repeat', sub: 'rejected' });
});

test('a state that is set back and set again is overwritten twice', () => {
  const { call } = workshop();
  call('r1', 'final', status('final'));
  call('r1', 'draft', status('draft'));
  expect(call('r2', 'final', status('final'))).toMatchObject({ label: 'duplicate_effect', duplicate: 'exact', harm: 'overwrite' });
});

test('a call that failed or never arrived leaves the next one to be the first', () => {
  const { call } = workshop();
  expect(call('r1', 'charge', nothing, 'failed')).toMatchObject({ label: 'failed_no_effect' });
  expect(call('r1', 'charge', nothing, 'unknown')).toMatchObject({ label: 'failed_no_effect' });
  expect(call('r1', 'charge', charge('a', 100), 'unknown')).toMatchObject({ label: 'first_effect', stateChanged: true });
  expect(call('r1', 'charge', charge('b', 100))).toMatchObject({ label: 'duplicate_effect' });
});

test('a question asked again is redundant while its answer stays, and not once it has changed', () => {
  const { read } = workshop();
  expect(read('r1', 'q', '1')).toMatchObject({ label: 'first_read' });
  expect(read('r1', 'q', '1')).toMatchObject({ label: 'redundant_read', scope: 'within' });
  expect(read('r2', 'q', '2')).toMatchObject({ label: 'reread_after_write', scope: 'across', resultChanged: true });
  expect(read('r2', 'q', '2')).toMatchObject({ label: 'redundant_read' });
});

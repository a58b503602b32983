/** What would come, go and change, from the revisions of alerts. */
import type { Alert } from '@idemtrace/schemas';
import { expect, test } from 'vitest';
import { LatestRevisions, standings } from '../src/judge/compare.ts';
import { Tally } from '../src/judge/tally.ts';

function alert(alertId: string, revision: number, severity: Alert['severity'], cause: Alert['cause'] = 'run_retry'): Alert {
  return {
    alertId,
    revision,
    rule: 'duplicate_execution',
    ruleVersion: 1,
    severity,
    cause,
    summary: 'A second charge.',
    suggestion: null,
    tenantId: 'acme',
    workflowId: 'invoice-1',
    runId: 'run-2',
    attempt: 2,
    stepIndex: 1,
    agentId: null,
    executionId: '01a20d34-02b0-7ecb-95aa-ad2a921cb570',
    retrievalId: null,
    tool: 'charge',
    effectName: 'charge',
    effectClass: 'write',
    subject: 'digest',
    partition: 0,
    offset: 1,
    logTime: 1_760_000_000_000 + revision,
    policyVersion: 'one',
    windowComplete: true,
    evidence: {
      executionsInRun: 1,
      executionsAcrossRuns: 2,
      runs: 2,
      judgedAgainst: null,
      first: null,
      lastEffective: null,
      latest: [],
      documents: [],
      dataSource: null,
      incomparable: 0,
    },
  };
}

function latest(...alerts: readonly Alert[]): LatestRevisions {
  const revisions = new LatestRevisions();
  for (const each of alerts) revisions.add(each);
  return revisions;
}

interface Told {
  readonly before?: readonly Alert[];
  readonly published?: readonly Alert[];
  readonly judged?: readonly Alert[];
}

function tallied({ before = [], published = [], judged = [] }: Told, limit = 10): Tally {
  const tally = new Tally(limit);
  tally.add(standings({ before: latest(...before), published: latest(...published), judged: latest(...judged) }));
  return tally;
}

test('the latest revision of each alert counts, whatever their order', () => {
  const revisions = [alert('a', 5, 'critical'), alert('a', 9, 'info'), alert('b', 7, 'warning')];
  const tally = tallied({ published: revisions, judged: revisions.toReversed() });
  expect(tally.isEmpty).toBe(true);
  expect(tally.counts).toEqual({ new: 0, gone: 0, changed: 0, unchanged: 2 });
});

test('alerts come, go, and change in severity or in cause', () => {
  const tally = tallied({
    published: [alert('same', 1, 'info'), alert('gone', 2, 'warning'), alert('milder', 3, 'critical'), alert('cause', 4, 'critical')],
    judged: [alert('same', 1, 'info'), alert('new', 2, 'critical'), alert('milder', 3, 'info'), alert('cause', 4, 'critical', 'replan')],
  });
  expect(tally.counts).toEqual({ new: 1, gone: 1, changed: 2, unchanged: 1 });
  expect(tally.rows()).toMatchObject([
    { severity: 'critical', published: 2, new: 1, gone: 0, changedTo: 1, changedFrom: 2, judged: 2 },
    { severity: 'warning', published: 1, new: 0, gone: 1, changedTo: 0, changedFrom: 0, judged: 0 },
    { severity: 'info', published: 1, new: 0, gone: 0, changedTo: 1, changedFrom: 0, judged: 2 },
  ]);
  for (const row of tally.rows()) expect(row.published + row.new - row.gone + row.changedTo - row.changedFrom).toBe(row.judged);
});

test('what was published before the time stays where no event since revises it', () => {
  // Taken back since; under the other policy nothing of it changes, so that it would stand as it stood.
  const kept = tallied({ before: [alert('a', 1, 'critical')], published: [alert('a', 5, 'info')] });
  expect(kept.changed.map(({ published, judged }) => [published.severity, judged.severity])).toEqual([['info', 'critical']]);
  const revised = tallied({ before: [alert('a', 1, 'critical')], judged: [alert('a', 5, 'info')] });
  expect(revised.changed.map(({ published, judged }) => [published.severity, judged.severity])).toEqual([['critical', 'info']]);
  expect(tallied({ before: [alert('a', 1, 'info')], judged: [alert('a', 5, 'info')] }).isEmpty).toBe(true);
  expect(tallied({ before: [alert('a', 1, 'critical')] }).rows()).toEqual([]);
});

test('of each kind the gravest are named first, over all partitions, and all are counted', () => {
  const tally = new Tally(2);
  for (const judged of [
    latest(alert('a', 1, 'info'), alert('b', 9, 'critical')),
    latest(alert('c', 5, 'critical'), alert('d', 2, 'warning')),
  ]) {
    tally.add(standings({ before: latest(), published: latest(), judged }));
  }
  expect(tally.new.map(({ alertId }) => alertId)).toEqual(['c', 'b']);
  expect(tally.counts.new).toBe(4);
});

import { type Alert, createCodec, type DocumentRef, type EvidenceExecution, fileRegistry } from '@idemtrace/schemas';
import { describe, expect, test } from 'vitest';
import { alertOf, boundEvidence, MAX_EVIDENCE_BYTES } from '../src/alert.ts';
import { call, retrieval, tell } from './story.ts';

/** 512 characters that take the most bytes. */
const LONGEST = '\u20ac'.repeat(512);
const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
const alertsOf = async (...story: Parameters<typeof tell>): Promise<readonly Alert[]> =>
  (await tell(...story)).map(({ at, finding }) =>
    alertOf(finding, {
      cause: { event: story[0][at] ?? story[0][0], partition: 0, offset: at, logTime: 1, contentDigest: 0 } as never,
      policyVersion: 'p',
      windowComplete: true,
    }),
  );

const execution = (offset: number): EvidenceExecution => ({
  executionId: '01900000-0000-7000-8000-000000000000',
  runId: LONGEST,
  attempt: 2 ** 31 - 1,
  stepIndex: 2 ** 31 - 1,
  offset,
  logTime: Number.MAX_SAFE_INTEGER - 1,
  outcome: 'succeeded',
});

describe('evidence is bounded', () => {
  test('the longest ids that events can carry: all that rules name fits, nothing is dropped', async () => {
    const events = Array.from({ length: 12 }, (_, index) => [
      call('started', { execution: `e${index}`, run: `${LONGEST.slice(4)}-${10 + index}`, step: index }),
      call('succeeded', { execution: `e${index}`, run: `${LONGEST.slice(4)}-${10 + index}`, step: index }),
    ]).flat();
    const duplicate = (await alertsOf(events)).findLast(({ rule }) => rule === 'duplicate_execution');
    expect(duplicate?.evidence.latest).toHaveLength(8);
    expect(bytesOf(duplicate?.evidence)).toBeGreaterThan(15_000);

    const documents = Array.from({ length: 256 }, (_, index): [string, null] => [`${LONGEST.slice(4)}${1000 + index}`, null]);
    const [untagged] = await alertsOf([retrieval('r', documents, { dataSource: LONGEST })]);
    expect(untagged?.evidence.documents).toHaveLength(8);
    for (const alert of [duplicate, untagged]) expect(bytesOf(alert?.evidence)).toBeLessThan(MAX_EVIDENCE_BYTES);
  });

  test('beyond it the oldest of the latest executions go first, then documents from the end; what is named by itself stays', async () => {
    const document = (id: number): DocumentRef => ({
      id: `${LONGEST.slice(4)}${1000 + id}`,
      tenantId: LONGEST,
      score: -1.7976931348623157e308,
    });
    const worst: Alert['evidence'] = {
      executionsInRun: 2 ** 31 - 1,
      executionsAcrossRuns: 2 ** 31 - 1,
      runs: 2 ** 31 - 1,
      judgedAgainst: execution(1),
      first: execution(2),
      lastEffective: execution(3),
      latest: Array.from({ length: 8 }, (_, index) => execution(10 + index)),
      documents: Array.from({ length: 256 }, (_, index) => document(index)),
      dataSource: LONGEST,
      incomparable: 2 ** 31 - 1,
    };
    const bounded = boundEvidence(worst);
    expect(bytesOf(bounded)).toBeLessThanOrEqual(MAX_EVIDENCE_BYTES);
    expect(bytesOf(bounded)).toBeGreaterThan(MAX_EVIDENCE_BYTES - 4_000);
    expect(bounded).toEqual({ ...worst, latest: [], documents: worst.documents.slice(0, bounded.documents.length) });

    const some = boundEvidence({ ...worst, documents: worst.documents.slice(0, 15) });
    expect(some.documents).toHaveLength(15);
    expect(some.latest).toEqual(worst.latest.slice(-some.latest.length));
    expect(some.latest.length).toBeGreaterThan(0);
    expect(some.latest.length).toBeLessThan(8);

    const codec = await createCodec({ registry: fileRegistry() });
    const [alert] = await alertsOf([retrieval('r', [['d', 'globex']])]);
    expect(alert).toBeDefined();
    if (alert !== undefined) expect(codec.encode('Alert', { ...alert, evidence: bounded }).length).toBeLessThan(MAX_EVIDENCE_BYTES + 4_000);
  });
});

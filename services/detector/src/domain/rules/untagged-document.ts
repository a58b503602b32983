import { historyKey, isUntagged } from '../fact.ts';
import { NO_EVIDENCE } from '../finding.ts';
import { isVisible } from '../history.ts';
import { retrievalTrigger } from './foreign-document.ts';
import type { Rule } from './rule.ts';

/** Most documents named as evidence. */
const DOCUMENTS = 8;

/** A document without a tenant, said once per workflow and data source (rule `untagged_document`, v1). */
export const untaggedDocument: Rule<'untagged_document'> = {
  name: 'untagged_document',
  version: 1,
  judge({ positioned, facts, policy, windowMs }) {
    if (positioned.event.name !== 'RetrievalEvent') return [];
    const retrieval = positioned.event.value;
    const { dataSource } = retrieval;
    const untagged = retrieval.documents.filter(isUntagged);
    if (untagged.length === 0 || policy.dataSource(dataSource)?.untagged === 'allow') return [];
    const before = { offset: positioned.offset - 1, logTime: positioned.logTime, windowMs };
    if (facts.history(historyKey.untagged(dataSource)).facts.some((fact) => isVisible(fact, before))) return [];
    return [
      {
        rule: 'untagged_document',
        ruleVersion: untaggedDocument.version,
        severity: 'warning',
        cause: null,
        summary: `${dataSource} returned documents without a tenant: nobody can tell whose they are.`,
        suggestion: `Tag the documents with their tenant. If they belong to nobody, say so: "${dataSource}": { untagged: allow }`,
        trigger: retrievalTrigger(retrieval, positioned.offset),
        subject: dataSource,
        evidence: { ...NO_EVIDENCE, documents: untagged.slice(0, DOCUMENTS), dataSource },
      },
    ];
  },
};

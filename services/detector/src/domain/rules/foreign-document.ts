import type { DocumentRef, RetrievalEvent } from '@idemtrace/schemas';
import { NO_EVIDENCE, type Trigger } from '../finding.ts';
import type { Rule } from './rule.ts';

/** A retrieval returned a document of another tenant (rule `foreign_document`, v1). One alert per document. */
export const foreignDocument: Rule<'foreign_document'> = {
  name: 'foreign_document',
  version: 1,
  judge({ positioned, policy }) {
    if (positioned.event.name !== 'RetrievalEvent') return [];
    const retrieval = positioned.event.value;
    const { sharedTenants } = policy.policy;
    const foreign = new Map<string, DocumentRef>();
    for (const document of retrieval.documents) {
      if (document.tenantId !== null && document.tenantId !== retrieval.tenantId && !sharedTenants.includes(document.tenantId)) {
        foreign.set(document.id, document);
      }
    }
    return [...foreign.values()].map((document) => ({
      rule: 'foreign_document' as const,
      ruleVersion: foreignDocument.version,
      severity: 'critical' as const,
      cause: null,
      summary: `${retrieval.dataSource} returned a document of tenant ${document.tenantId} to a run of tenant ${retrieval.tenantId}.`,
      suggestion: 'Filter retrieval by tenant. If every tenant may read these documents, name their tenant under sharedTenants.',
      trigger: retrievalTrigger(retrieval, positioned.offset),
      subject: document.id,
      evidence: { ...NO_EVIDENCE, documents: [document], dataSource: retrieval.dataSource },
    }));
  },
};

export function retrievalTrigger(retrieval: RetrievalEvent, offset: number): Trigger {
  const { runId, attempt, stepIndex, agentId, executionId, retrievalId } = retrieval;
  return { runId, attempt, stepIndex, agentId, executionId, retrievalId, tool: null, effectName: null, effectClass: null, offset };
}

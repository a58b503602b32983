/** A workflow as pictures show it: from lineage where it runs, else from a scan of the log. */
import { buildWorkflowView, type Positioned, type WorkflowView, workflowAttempts } from '@idemtrace/lineage';
import { type Alert, type AnyRecord, eventKey } from '@idemtrace/schemas';
import type { LineageStore } from './lineage.ts';
import type { Store } from './store.ts';

export interface ViewSource {
  readonly store: Store;
  readonly lineage: { readonly on: true; readonly store: LineageStore } | { readonly on: false };
}

type TopicNames = { readonly events: string; readonly alerts: string };
type Event = Extract<AnyRecord, { name: 'RunEvent' | 'ToolCallEvent' | 'RetrievalEvent' }>;

export async function workflowView(
  { store, lineage }: ViewSource,
  topics: TopicNames,
  { tenantId, workflowId }: { readonly tenantId: string; readonly workflowId: string },
): Promise<WorkflowView> {
  if (lineage.on) return workflowAttempts(lineage.store.client, { tenantId, workflowId });
  const key = eventKey(tenantId, workflowId);
  const events: Positioned<Event>[] = [];
  for await (const { partition, offset, logTime, record } of scan(store, topics.events, key)) {
    if (record.name === 'RunEvent' || record.name === 'ToolCallEvent' || record.name === 'RetrievalEvent') {
      events.push({ partition, offset, logTime, value: record });
    }
  }
  const alerts: Alert[] = [];
  for await (const { record } of scan(store, topics.alerts, key)) if (record.name === 'Alert') alerts.push(record.value);
  return buildWorkflowView({ tenantId, workflowId }, events, alerts);
}

async function* scan({ log, codec }: Store, topic: string, key: string) {
  for await (const record of log.tail(topic)) {
    if (record.key?.toString() !== key) continue;
    const [decoded] = await codec.decode([record]);
    if (decoded?.ok) yield { ...record, record: decoded.record };
  }
}

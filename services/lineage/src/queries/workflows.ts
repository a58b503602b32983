/** What happened in a workflow and in a run. */
import type { ClickHouseClient } from '@clickhouse/client';
import type { Positioned, WorkflowView } from '../view.ts';
import { buildWorkflowView, type EventRecord } from '../workflow-view.ts';
import { findAlerts } from './alerts.ts';
import type { TenantScope } from './ask.ts';
import { readEvents } from './events.ts';

/** A run's events in the order of the log, each once. Without `workflowId` every workflow of the tenant is looked through for the run. */
export function runTimeline(
  client: ClickHouseClient,
  scope: TenantScope & { readonly runId: string; readonly workflowId?: string | undefined },
): Promise<readonly Positioned<EventRecord>[]> {
  return readEvents(client, scope);
}

/** A workflow's attempts side by side, with the current revision of every alert about them. Empty where nothing is known of it. */
export async function workflowAttempts(
  client: ClickHouseClient,
  scope: TenantScope & { readonly workflowId: string },
): Promise<WorkflowView> {
  const [events, alerts] = await Promise.all([readEvents(client, scope), findAlerts(client, { ...scope, limit: MAX_ALERTS })]);
  return buildWorkflowView(
    scope,
    events,
    alerts.map(({ revisions: _, ...alert }) => alert),
  );
}

/** More alerts than a person looks at in one workflow. */
const MAX_ALERTS = 10_000;

/** Alerts as they were published, held against those that judging the same events again gives. */
import type { Alert } from '@idemtrace/schemas';

/** An alert without its texts and executions: so many fit into memory, and a line about it needs no more. */
export interface AlertBrief
  extends Pick<
    Alert,
    | 'alertId'
    | 'revision'
    | 'rule'
    | 'severity'
    | 'cause'
    | 'tenantId'
    | 'workflowId'
    | 'runId'
    | 'attempt'
    | 'stepIndex'
    | 'executionId'
    | 'retrievalId'
    | 'tool'
    | 'effectClass'
    | 'partition'
    | 'logTime'
    | 'policyVersion'
    | 'windowComplete'
  > {
  readonly evidence: Pick<Alert['evidence'], 'dataSource'>;
}

function briefOf(alert: Alert): AlertBrief {
  const { alertId, revision, rule, severity, cause, tenantId, workflowId, runId, attempt, stepIndex, executionId, retrievalId } = alert;
  const { tool, effectClass, partition, logTime, policyVersion, windowComplete, evidence } = alert;
  return {
    ...{ alertId, revision, rule, severity, cause, tenantId, workflowId, runId, attempt, stepIndex, executionId, retrievalId },
    ...{ tool, effectClass, partition, logTime, policyVersion, windowComplete, evidence: { dataSource: evidence.dataSource } },
  };
}

/** The latest revision of each alert, by its id. */
export class LatestRevisions {
  readonly #alerts = new Map<string, AlertBrief>();

  add(alert: Alert): void {
    const known = this.#alerts.get(alert.alertId);
    if (known === undefined || alert.revision >= known.revision) this.#alerts.set(alert.alertId, briefOf(alert));
  }

  get(alertId: string): AlertBrief | undefined {
    return this.#alerts.get(alertId);
  }

  ids(): Iterable<string> {
    return this.#alerts.keys();
  }

  values(): Iterable<AlertBrief> {
    return this.#alerts.values();
  }
}

/** How one alert would stand, and how it stands; undefined where there is or would be none. */
export interface Standing {
  readonly published: AlertBrief | undefined;
  readonly judged: AlertBrief | undefined;
}

export interface Revisions {
  /** What stood before the first event that is judged again: it stays where no later event revises it. */
  readonly before: LatestRevisions;
  readonly published: LatestRevisions;
  readonly judged: LatestRevisions;
}

/** Each alert that the events gave or revised, as published or as judged again. */
export function* standings({ before, published, judged }: Revisions): Generator<Standing> {
  for (const id of new Set([...published.ids(), ...judged.ids()])) {
    const stood = before.get(id);
    yield { published: published.get(id) ?? stood, judged: judged.get(id) ?? stood };
  }
}

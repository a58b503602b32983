/** What subscribers find in the alerts and dead-letters topics: read by the event log, by kafkajs' own consumer, and by a client that is not kafkajs. */
import { randomUUID } from 'node:crypto';
import type { Alert, DeadLetter, RawRecord } from '@idemtrace/schemas';
import type { Config, Store } from 'idemtrace/internal';
import { Kafka, logLevel } from 'kafkajs';
import { until } from '../../support/until.ts';

export interface Published {
  /** `tenant/workflow rule trigger subject revision severity cause`. */
  readonly alerts: readonly string[];
  /** `alertId revision`. */
  readonly revisions: readonly string[];
  /** By id: distinct alerts. */
  readonly ids: number;
  /** `partition/offset` of what could not be judged. */
  readonly deadLetters: readonly string[];
  /** What no alert may say. */
  readonly wrong: readonly string[];
}

export async function readPublished({ log, codec }: Store, { topics }: Config): Promise<Published> {
  const alerts: string[] = [];
  const revisions: string[] = [];
  const deadLetters: string[] = [];
  const wrong: string[] = [];
  const identities = new Map<string, string>();
  for await (const record of log.tail(topics.alerts)) {
    const alert = await alertOf(codec, record);
    const identity = identityOf(alert);
    alerts.push(`${identity} ${alert.revision} ${alert.severity} ${alert.cause}`);
    revisions.push(revisionOf(alert));
    if ((identities.get(alert.alertId) ?? identity) !== identity) wrong.push(`${alert.alertId} stands for two alerts`);
    identities.set(alert.alertId, identity);
    if (!alert.windowComplete) wrong.push(`${alert.alertId} says that its window is incomplete`);
    if (alert.partition !== record.partition) wrong.push(`${alert.alertId} is in partition ${record.partition}, not ${alert.partition}`);
  }
  for await (const record of log.tail(topics.deadLetters)) {
    const { partition, offset } = await letterOf(codec, record);
    deadLetters.push(`${partition}/${offset}`);
  }
  return { alerts, revisions, ids: identities.size, deadLetters, wrong };
}

const QUIET_MS = 2_000;
const READ_WITHIN_MS = 120_000;

/** `alertId revision` of every alert as kafkajs' own consumer hands them on, once there are so many and no more come. */
export async function readByKafkajs({ codec }: Store, { topics, kafka }: Config, expected: number): Promise<readonly string[]> {
  const client = new Kafka({ clientId: 'chaos-subscriber', brokers: [...(kafka.brokers ?? [])], logLevel: logLevel.NOTHING });
  const consumer = client.consumer({ groupId: `chaos-${randomUUID()}`, readUncommitted: false, maxWaitTimeInMs: 200 });
  const raw: RawRecord[] = [];
  let latest = performance.now();
  try {
    await consumer.connect();
    await consumer.subscribe({ topic: topics.alerts, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      async eachBatch({ batch }) {
        latest = performance.now();
        for (const { key, value, timestamp } of batch.messages) raw.push({ key, value, logTime: Number(timestamp) });
      },
    });
    const isRead = () => (raw.length >= expected && performance.now() - latest > QUIET_MS) || undefined;
    // Too few is for the comparison to tell.
    await until(isRead, 'kafkajs to read the alerts', READ_WITHIN_MS).catch(() => undefined);
  } finally {
    await consumer.disconnect();
  }
  const revisions: string[] = [];
  for (const record of raw) revisions.push(revisionOf(await alertOf(codec, record)));
  return revisions;
}

function identityOf({ tenantId, workflowId, rule, executionId, retrievalId, subject }: Alert): string {
  return `${tenantId}/${workflowId} ${rule} ${executionId ?? retrievalId ?? ''} ${subject}`;
}

function revisionOf({ alertId, revision }: Alert): string {
  return `${alertId} ${revision}`;
}

async function alertOf(codec: Store['codec'], record: RawRecord): Promise<Alert> {
  const [decoded] = await codec.decode([record]);
  if (decoded?.ok !== true || decoded.record.name !== 'Alert') throw new Error('no alert on the alerts topic');
  return decoded.record.value;
}

async function letterOf(codec: Store['codec'], record: RawRecord): Promise<DeadLetter> {
  const [decoded] = await codec.decode([record]);
  if (decoded?.ok !== true || decoded.record.name !== 'DeadLetter') throw new Error('no dead letter on the dead-letters topic');
  return decoded.record.value;
}

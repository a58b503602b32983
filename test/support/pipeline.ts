/** The pipeline on real services, as its operators run it: processes of the program, and what came of a recording. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readPolicy } from '@idemtrace/detector/policy';
import type { Alert, DeadLetter } from '@idemtrace/schemas';
import type { EmittedEvent } from '@idemtrace/sdk';
import {
  COMPANY_POLICY,
  type Config,
  openStore,
  operatorCounts,
  planRecording,
  queryLineage,
  RecordedEvents,
  readRecording,
  recordsOf,
  resolveConfig,
  surveyRecording,
} from 'idemtrace/internal';
import { until } from './until.ts';

export type Environment = Readonly<Record<string, string>>;

export interface Services {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** Left out where the environment names a Cluster's nodes. */
  readonly redisUrl?: string;
  readonly clickhouse?: { readonly url: string; readonly username: string; readonly password: string };
}

/** The environment of a deployment of its own on these services: its topics, groups and database are nobody else's. */
export function deploymentOn({ brokers, registryUrl, redisUrl, clickhouse }: Services, more: Environment = {}): Environment {
  const id = randomUUID().slice(0, 8);
  return {
    IDEMTRACE_KAFKA_BROKERS: brokers.join(','),
    IDEMTRACE_KAFKA_REPLICATION_FACTOR: '1',
    IDEMTRACE_KAFKA_MIN_INSYNC_REPLICAS: '1',
    IDEMTRACE_REGISTRY_URL: registryUrl,
    ...(redisUrl !== undefined && { IDEMTRACE_REDIS_URL: redisUrl }),
    IDEMTRACE_TOPICS_EVENTS: `events-${id}`,
    IDEMTRACE_TOPICS_ALERTS: `alerts-${id}`,
    IDEMTRACE_TOPICS_DEAD_LETTERS: `dead-letters-${id}`,
    IDEMTRACE_GROUPS_DETECTOR: `detector-${id}`,
    IDEMTRACE_GROUPS_LINEAGE: `lineage-${id}`,
    IDEMTRACE_PROBES_PORT: '0',
    IDEMTRACE_POLICY: fileURLToPath(COMPANY_POLICY),
    ...(clickhouse !== undefined && {
      IDEMTRACE_CLICKHOUSE_URL: clickhouse.url,
      IDEMTRACE_CLICKHOUSE_USERNAME: clickhouse.username,
      IDEMTRACE_CLICKHOUSE_PASSWORD: clickhouse.password,
      IDEMTRACE_CLICKHOUSE_DATABASE: `lineage_${id}`,
    }),
    ...more,
  };
}

export function configOf(env: Environment, folder: string): Config {
  const resolved = resolveConfig({ env, cwd: folder, readFile: (path) => readFileSync(path, 'utf8') });
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.mistakes));
  return resolved.config;
}

/** Every event of a recording, in order, under a key of the tests' own. */
export async function eventsOf(recording: string): Promise<readonly EmittedEvent[]> {
  const policy = readPolicy(readFileSync(COMPANY_POLICY, 'utf8'));
  if (!policy.ok) throw new Error('bad policy');
  const survey = await surveyRecording(recording);
  const events = new RecordedEvents({
    hashKey: { id: 'test', secret: 'a secret of at least thirty-two bytes' },
    policy: policy.policy,
    clock: () => 1_760_000_000_000,
  });
  const emitted: EmittedEvent[] = [];
  for await (const moments of planRecording(readRecording(recording), { digest: survey.digest, survey })) {
    for (const moment of moments) emitted.push(events.event(moment));
  }
  return emitted;
}

const BATCH = 20;

/** Appends events in small batches, as agents do, waiting where `pace` says so; `meanwhile` is told how many are in the log. */
export async function append(
  config: Config,
  events: readonly EmittedEvent[],
  { pace = async () => {} }: { readonly pace?: (appended: number) => Promise<void> } = {},
): Promise<void> {
  const store = await openStore(config);
  try {
    for (let from = 0; from < events.length; from += BATCH) {
      const batch = recordsOf(events.slice(from, from + BATCH), store.codec);
      // An append that fails is in doubt: agents send it again, and the detector counts it once.
      await until(
        () =>
          store.log.append(config.topics.events, batch).then(
            () => true as const,
            () => undefined,
          ),
        'the log to take a batch',
      );
      await pace(Math.min(from + BATCH, events.length));
    }
  } finally {
    await store.close();
  }
}

export interface Outcome {
  /** By id: rule, severity and cause of the last revision. */
  readonly alerts: ReadonlyMap<string, string>;
  /** Every revision that a read_committed subscriber saw, in order. */
  readonly revisions: readonly string[];
  readonly deadLetters: readonly string[];
}

/** What a read_committed subscriber finds in the topics, once the detectors' group has judged everything. */
export async function outcomeOf(config: Config): Promise<Outcome> {
  const store = await openStore(config);
  const { log, codec } = store;
  const { topics, groups } = config;
  try {
    await until(async () => {
      const [bounds, committed] = await Promise.all([log.bounds(topics.events), log.committed(topics.events, groups.detector)]);
      return bounds.every(({ high }, partition) => high === 0 || committed[partition] === high) || undefined;
    }, 'everything to be judged');
    const alerts: Alert[] = [];
    for await (const record of log.tail(topics.alerts)) {
      const [decoded] = await codec.decode([record]);
      if (!decoded?.ok || decoded.record.name !== 'Alert') throw new Error('no alert on the alerts topic');
      alerts.push(decoded.record.value);
    }
    const letters: DeadLetter[] = [];
    for await (const record of log.tail(topics.deadLetters)) {
      const [decoded] = await codec.decode([record]);
      if (decoded?.ok && decoded.record.name === 'DeadLetter') letters.push(decoded.record.value);
    }
    return outcome(alerts, letters);
  } finally {
    await store.close();
  }
}

export function outcome(alerts: readonly Alert[], letters: readonly DeadLetter[] = []): Outcome {
  const told = ({ rule, severity, cause }: Alert) => `${rule} ${severity} ${cause}`;
  return {
    alerts: new Map([...new Map(alerts.map((alert) => [alert.alertId, told(alert)]))].sort(([a], [b]) => (a < b ? -1 : 1))),
    revisions: alerts.map(({ alertId, revision }) => `${alertId} ${revision}`),
    deadLetters: letters.map(({ reason, partition, offset }) => `${reason} ${partition}/${offset}`).sort(),
  };
}

/** Rows of the deployment's lineage, once as many events and revisions of alerts are there as are in the topics. */
export async function lineageCountsOf(config: Config, { events, revisions }: { readonly events: number; readonly revisions: number }) {
  const lineage = await queryLineage(config);
  try {
    return await until(async () => {
      const counts = await operatorCounts(lineage.client);
      return counts.events >= events && counts.alertRevisions >= revisions ? counts : undefined;
    }, 'every event and alert to be in lineage');
  } finally {
    await lineage.close();
  }
}

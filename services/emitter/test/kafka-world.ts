/** Topics, schemas and records for tests that run on a real broker. */
import { randomUUID } from 'node:crypto';
import { type Alert, type AnyRecord, type Codec, createCodec, eventKey } from '@idemtrace/schemas';
import { confluentRegistry, registerSchemas } from '@idemtrace/schemas/confluent';
import type { EventLog, LogRecord } from '@idemtrace/stream';
import { openKafkaLog } from '@idemtrace/stream/kafka';
import { createEventBuilder, type EventBuilder } from '../src/event-builder.ts';
import type { EmittedEvent } from '../src/transport.ts';
import { HASH_KEY } from './world.ts';

export interface KafkaWorld {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly log: EventLog;
  readonly codec: Codec;
  /** A topic of the test's own. */
  topic(options?: { readonly partitions?: number; readonly maxMessageBytes?: number }): Promise<string>;
  /** All records of a topic at this moment. */
  recordsOf(topic: string): Promise<readonly LogRecord[]>;
  /** The same, decoded; a record that is none fails the test. */
  eventsOf(topic: string): Promise<readonly AnyRecord[]>;
  publish(topic: string, ...alerts: readonly Alert[]): Promise<void>;
  close(): Promise<void>;
}

export async function openKafkaWorld(brokers: readonly string[], registryUrl: string): Promise<KafkaWorld> {
  await registerSchemas({ url: registryUrl });
  const log = await openKafkaLog({ brokers });
  const codec = await createCodec({ registry: confluentRegistry({ url: registryUrl }) });
  const world: KafkaWorld = {
    brokers,
    registryUrl,
    log,
    codec,
    async topic({ partitions = 1, maxMessageBytes } = {}) {
      const name = `test-${randomUUID()}`;
      await log.createTopics([{ name, partitions, ...(maxMessageBytes !== undefined && { maxMessageBytes }) }]);
      return name;
    },
    async recordsOf(topic) {
      const records: LogRecord[] = [];
      for await (const record of log.tail(topic)) records.push(record);
      return records;
    },
    async eventsOf(topic) {
      const decoded = await codec.decode(await world.recordsOf(topic));
      return decoded.map((answer) => {
        if (!answer.ok) throw new Error(answer.detail);
        return answer.record;
      });
    },
    async publish(topic, ...alerts) {
      const records = alerts.map((alert) => ({ key: eventKey(alert.tenantId, alert.workflowId), value: codec.encode('Alert', alert) }));
      await log.append(topic, records);
    },
    close: () => log.close(),
  };
  return world;
}

/** Builds events with rising numbers of one emitter. */
export function numberedBuilder(): EventBuilder {
  const emitterId = randomUUID();
  let sequence = 0;
  return createEventBuilder({ hashKey: HASH_KEY, origin: () => ({ emitterId, sequence: sequence++ }) });
}

export function runStarted(builder: EventBuilder, workflowId: string, headers?: Readonly<Record<string, string>>): EmittedEvent {
  const run = { tenantId: 'acme', workflowId, runId: 'run-1', attempt: 1 };
  return builder.runEvent(run, 'started', { occurredAt: Date.UTC(2026, 0, 1) }, undefined, headers);
}

let count = 0;

/** A valid alert, told apart by its id. */
export function alertOf(changes: Partial<Alert> = {}): Alert {
  const alertId = `${'A'.repeat(33)}${String(count++).padStart(10, '0')}`;
  return {
    alertId,
    revision: 12,
    rule: 'duplicate_execution',
    ruleVersion: 1,
    severity: 'critical',
    cause: 'run_retry',
    summary: 'send_invoice was executed twice.',
    suggestion: null,
    tenantId: 'acme',
    workflowId: 'invoice-run-7',
    runId: 'run-2',
    attempt: 2,
    stepIndex: 2,
    agentId: 'billing',
    executionId: '01935b2e-7c4a-7d21-9f10-0123456789ab',
    retrievalId: null,
    tool: 'send_invoice',
    effectName: 'send_invoice',
    effectClass: 'write',
    subject: 'A'.repeat(43),
    partition: 0,
    offset: 12,
    logTime: Date.UTC(2026, 0, 1),
    policyVersion: '3',
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
    ...changes,
  };
}

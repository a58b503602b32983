/** A log in memory, the codec and a database of a real engine: what a sink needs. */
import type { ClickHouseClient } from '@clickhouse/client';
import { type AnyRecord, type Codec, createCodec, eventKey, fileRegistry } from '@idemtrace/schemas';
import type { EventLog, Position } from '@idemtrace/stream';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import { createLineageSink, type LineageSink, type LineageSinkOptions, migrate } from '../../src/index.ts';
import type { TestEngine } from './engine.ts';

export const TOPICS = { events: 'idemtrace.events', alerts: 'idemtrace.alerts', deadLetters: 'idemtrace.dead-letters' } as const;
export const GROUP = 'idemtrace-lineage';

export interface TestPipeline {
  readonly log: EventLog;
  readonly codec: Codec;
  readonly client: ClickHouseClient;
  /** Appends records where they belong; an event goes to the partition of its workflow. */
  append(...records: readonly AnyRecord[]): Promise<readonly Position[]>;
  sink(over?: Partial<LineageSinkOptions>): LineageSink;
  count(query: string): Promise<number>;
  close(): Promise<void>;
}

let databases = 0;

export async function openPipeline(engine: TestEngine, partitions = 2): Promise<TestPipeline> {
  databases += 1;
  const client = await engine.database(`pipeline_${databases}`);
  await migrate(client);
  const log = await openEmbeddedLog({ path: ':memory:' });
  const names = Object.values(TOPICS);
  await log.createTopics(
    names.map((name) => ({ name, partitions })),
    names.map((topic) => ({ topic, group: GROUP })),
  );
  const codec = await createCodec({ registry: fileRegistry() });

  function topicOf(record: AnyRecord): string {
    if (record.name === 'Alert') return TOPICS.alerts;
    return record.name === 'DeadLetter' ? TOPICS.deadLetters : TOPICS.events;
  }

  function recordOf(record: AnyRecord) {
    const value = codec.encode(record.name, record.value);
    return 'workflowId' in record.value
      ? { key: eventKey(record.value.tenantId, record.value.workflowId), value }
      : { key: null, value, partition: 0 };
  }

  return {
    log,
    codec,
    client,
    async append(...records) {
      const positions: Position[] = [];
      for (const record of records) positions.push(...(await log.append(topicOf(record), [recordOf(record)])));
      return positions;
    },
    sink: (over = {}) => createLineageSink({ log, codec, client, topics: TOPICS, group: GROUP, batch: { maxMs: 5 }, ...over }),
    async count(query) {
      const result = await client.query({ query: `SELECT toUInt32(${query}) AS n`, format: 'JSONEachRow' });
      const [row] = await result.json<{ n: number }>();
      return row?.n ?? -1;
    },
    close: () => log.close(),
  };
}

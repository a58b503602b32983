/** The events topic as it is: what agents wrote into it, and what was no event. It is what everything else is held against. */
import type { RawRecord } from '@idemtrace/schemas';
import type { Config, Store } from 'idemtrace/internal';
import { identityOf, type SimulatedEvent } from '../../simulation/scenario.ts';

/** Header of the records that are none, put in by the test. */
export const POISON_HEADER = 'chaos-poison';

export interface Written {
  /** The records of a workflow, in their order, by tenant and workflow. */
  readonly workflows: ReadonlyMap<string, readonly WrittenRecord[]>;
  readonly poison: readonly WrittenRecord[];
  /** `emitterId sequence` of every event. */
  readonly origins: ReadonlySet<string>;
  readonly records: number;
}

export interface WrittenRecord extends RawRecord {
  readonly partition: number;
  readonly offset: number;
}

/** An event where it was written. */
export interface WrittenEvent {
  readonly partition: number;
  readonly offset: number;
  readonly logTime: number;
  readonly event: SimulatedEvent;
}

export async function readWritten({ log, codec }: Store, { topics }: Config): Promise<Written> {
  const workflows = new Map<string, WrittenRecord[]>();
  const poison: WrittenRecord[] = [];
  const origins = new Set<string>();
  let records = 0;
  let batch: WrittenRecord[] = [];
  const take = async () => {
    const events = await decoded(codec, batch);
    for (const [index, { event }] of events.entries()) {
      const { tenantId, workflowId, emitterId, sequence } = event.value;
      const name = `${tenantId}/${workflowId}`;
      const known = workflows.get(name);
      const record = batch[index];
      if (record === undefined) continue;
      if (known === undefined) workflows.set(name, [record]);
      else known.push(record);
      origins.add(`${emitterId} ${sequence}`);
    }
    batch = [];
  };
  for await (const { partition, offset, logTime, key, value, headers } of log.tail(topics.events)) {
    records += 1;
    const record = { partition, offset, logTime, key, value };
    if (headers[POISON_HEADER] !== undefined) poison.push(record);
    else if (batch.push(record) >= 1000) await take();
  }
  await take();
  return { workflows, poison, origins, records };
}

/** Throws where one of them is no event: agents write nothing else. */
export async function decoded(codec: Pick<Store['codec'], 'decode'>, records: readonly WrittenRecord[]): Promise<readonly WrittenEvent[]> {
  const answers = await codec.decode(records);
  return records.map(({ partition, offset, logTime }, index) => {
    const answer = answers[index];
    if (answer?.ok !== true) throw new Error(`the record at ${partition}/${offset} cannot be decoded`);
    const { record } = answer;
    if (record.name !== 'RunEvent' && record.name !== 'ToolCallEvent' && record.name !== 'RetrievalEvent')
      throw new Error(`the record at ${partition}/${offset} is a ${record.name}`);
    return { partition, offset, logTime, event: record };
  });
}

/** Of every event in its workflow: how many there are, each once. */
export function distinctEvents(events: readonly WrittenEvent[]): number {
  return new Set(events.map(({ event }) => identityOf(event))).size;
}

/** Everything that must hold once agents are silent and everything is judged: what differs is empty. */
import { readFileSync } from 'node:fs';
import { readByOtherClient } from '../../support/other-client.ts';
import type { Deployment } from '../stage/deployment.ts';
import type { Progress } from '../stage/progress.ts';
import { differenceOf } from './difference.ts';
import { expectedOutcome } from './expected.ts';
import { lineageDifferences } from './lineage.ts';
import { readByKafkajs, readPublished } from './published.ts';
import { readWritten } from './written.ts';

export interface Checked {
  readonly records: number;
  /** Events, each once. */
  readonly events: number;
  readonly redeliveries: number;
  readonly alerts: number;
  readonly revisions: number;
  readonly deadLetters: number;
  /** Events that an agent was told are durable. */
  readonly acknowledged: number;
  readonly differences: readonly string[];
}

const LINEAGE_WITHIN_MS = 120_000;

export async function check({ config, acknowledged }: Deployment, { store }: Progress): Promise<Checked> {
  const written = await readWritten(store, config);
  const expected = await expectedOutcome(written, store.codec, config.window.length);
  const published = await readPublished(store, config);
  const byKafkajs = await readByKafkajs(store, config, published.revisions.length);
  const byOther = await readByOtherClient(config);
  const told = acknowledgedIn(acknowledged);
  const lost = told.filter((origin) => !written.origins.has(origin));
  const positions = [...written.workflows.values()].flat().map(({ partition, offset }) => `${partition}/${offset}`);
  const inLineage = await lineageDifferences(
    config,
    {
      positions,
      events: expected.events,
      redeliveries: expected.redeliveries,
      alerts: published.ids,
      alertRevisions: expected.alerts.length,
      deadLetters: expected.deadLetters.length,
    },
    LINEAGE_WITHIN_MS,
  );
  return {
    records: written.records,
    events: expected.events,
    redeliveries: expected.redeliveries,
    alerts: published.ids,
    revisions: published.revisions.length,
    deadLetters: published.deadLetters.length,
    acknowledged: told.length,
    differences: [
      ...lost.map((origin) => `acknowledged and not in the log: ${origin}`),
      ...differenceOf('alert', expected.alerts, published.alerts),
      ...published.wrong,
      ...differenceOf('revision as kafkajs reads it', published.revisions, byKafkajs),
      ...differenceOf('revision as the other client reads it', published.revisions, byOther.revisions),
      ...differenceOf('dead letter', expected.deadLetters, published.deadLetters),
      ...inLineage,
    ],
  };
}

/** `emitterId sequence`. An agent that was killed while it wrote leaves a torn last line. */
function acknowledgedIn(files: readonly string[]): readonly string[] {
  return files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line) => {
        if (!line.startsWith('{') || !line.endsWith('}')) return [];
        const sequences = JSON.parse(line) as Readonly<Record<string, readonly number[]>>;
        return Object.entries(sequences).flatMap(([emitterId, numbers]) => numbers.map((sequence) => `${emitterId} ${sequence}`));
      }),
  );
}

/** What is measured beside what. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileRegistry, SCHEMAS } from '@idemtrace/schemas';
import { YOUNG_GENERATION_MB } from 'idemtrace/internal';
import { Child, nodeChild } from '../subjects/child.ts';
import type { StreamsBuild } from '../subjects/streams-build.ts';
import { createTopics, type LoadedTopic, runFolder, type Stage } from './stage.ts';

/** A run of a subject under way. */
export interface Begun {
  readonly children: readonly Child[];
  /** Its progress is what this group has committed; undefined: the child itself says how far it is. */
  readonly group?: string;
  /** Where its alerts go, and how they are written. */
  readonly alerts?: { readonly topic: string; readonly form: 'detector' | 'streams' };
  readonly topics: readonly string[];
}

export interface Subject {
  readonly name: string;
  begin(stage: Stage, topic: LoadedTopic, run: string): Promise<Begun>;
}

const program = (name: string) => join(import.meta.dirname, '../subjects', name);
export const WINDOW_MS = 24 * 3_600_000;

export function bareFetch({ decode }: { readonly decode: boolean }): Subject {
  return {
    name: decode ? 'kafkajs fetch + decode' : 'kafkajs fetch',
    async begin(stage, { name, data }) {
      const args = ['--brokers', stage.kafka.brokers.join(), '--topic', name, '--records', String(data.events)];
      return { children: [nodeChild(program('fetch.ts'), decode ? [...args, '--decode'] : args)], topics: [] };
    },
  };
}

export const logAlone: Subject = {
  name: 'event log, empty handler',
  async begin(stage, { name, data }) {
    const args = ['--brokers', stage.kafka.brokers.join(), '--topic', name, '--records', String(data.events)];
    return { children: [nodeChild(program('log.ts'), args)], topics: [] };
  },
};

/** The product's own default. */
export const MAX_RECORDS = 2000;
/** As the product's thread has it: a young generation is three semi-spaces. */
export const DETECTOR_FLAGS = [`--max-semi-space-size=${YOUNG_GENERATION_MB / 3}`];

export interface DetectorSetting {
  readonly windows: 'redis' | 'memory';
  readonly processes?: number;
  readonly maxRecords?: number;
  /** A folder for profiles of the processors' time. */
  readonly profile?: string;
}

export function detector({ windows, processes = 1, maxRecords = MAX_RECORDS, profile }: DetectorSetting): Subject {
  const name = `detector, ${windows}${processes > 1 ? `, ${processes} processes` : ''}${maxRecords === MAX_RECORDS ? '' : `, batches of ${maxRecords}`}`;
  return {
    name,
    async begin(stage, topic, run) {
      const [group, alerts, deadLetters] = [`${run}-group`, `${run}-alerts`, `${run}-dead-letters`];
      await createTopics(stage, [alerts, deadLetters], topic.partitions);
      const args = [
        ...['--brokers', stage.kafka.brokers.join(), '--group', group, '--events', topic.name, '--alerts', alerts],
        ...['--dead-letters', deadLetters, '--windows', windows === 'redis' ? stage.redis.url : 'memory'],
        ...['--window-ms', String(WINDOW_MS), '--max-records', String(maxRecords)],
      ];
      const flags = profile === undefined ? DETECTOR_FLAGS : [...DETECTOR_FLAGS, '--cpu-prof', `--cpu-prof-dir=${profile}`];
      const children = Array.from({ length: processes }, () => nodeChild(program('detector.ts'), args, flags));
      return { children, group, alerts: { topic: alerts, form: 'detector' }, topics: [alerts, deadLetters] };
    },
  };
}

export interface StreamsSetting {
  readonly build: StreamsBuild;
  readonly store: 'window' | 'keyvalue';
  readonly threads: number;
  readonly caching?: boolean;
  /** Size of an alert: the mean of the detector's. */
  readonly alertBytes: () => number;
}

export function kafkaStreams({ build, store, threads, caching = false, alertBytes }: StreamsSetting): Subject {
  return {
    name: `Kafka Streams, ${store} store${caching ? ', caching' : ''}, ${threads} threads`,
    async begin(stage, topic, run) {
      const [group, alerts] = [`${run}-group`, `${run}-alerts`];
      await createTopics(stage, [alerts], topic.partitions);
      const folder = runFolder(stage, run);
      rmSync(folder, { recursive: true, force: true });
      runFolder(stage, `${run}/tmp`);
      const schema = join(folder, 'ToolCallEvent.avsc');
      writeFileSync(schema, SCHEMAS.ToolCallEvent);
      const settings = {
        brokers: stage.kafka.brokers.join(),
        group,
        events: topic.name,
        alerts,
        store,
        caching,
        threads,
        windowMs: WINDOW_MS,
        alertBytes: alertBytes(),
        state: join(folder, 'state'),
        schemaId: await fileRegistry().idOf('ToolCallEvent'),
        schema,
        'java.io.tmpdir': join(folder, 'tmp'),
        'org.slf4j.simpleLogger.defaultLogLevel': 'warn',
      };
      const properties = Object.entries(settings).map(([key, value]) => `-D${key}=${value}`);
      const child = new Child(build.java, ['-Xmx1g', ...properties, '-cp', build.classPath, 'dev.idemtrace.bench.Main']);
      return { children: [child], group, alerts: { topic: alerts, form: 'streams' }, topics: [alerts] };
    },
  };
}

import type { TopicSpec } from '@idemtrace/stream';
import type { Config } from '../config/index.ts';

/** The three topics, with as many partitions each: what comes of input partition n goes to n. */
export function topicSpecs({ topics }: Config): readonly TopicSpec[] {
  const { partitions, retention, retentionBytes } = topics;
  const spec = { partitions, retentionMs: retention, ...(retentionBytes !== undefined && { retentionBytes }) };
  return [topics.events, topics.alerts, topics.deadLetters].map((name) => ({ name, ...spec }));
}

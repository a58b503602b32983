import type { TopicSpec } from '@idemtrace/stream';
import type { Config } from '../config/index.ts';

/** Of a record and of a batch of records: an event has at most half of it, and goes with others. */
const MESSAGE_BYTES = 2 * 1024 ** 2;

/** The three topics, with as many partitions each: what comes of input partition n goes to n. A dead letter holds the record that it is about. */
export function topicSpecs({ topics }: Config): readonly TopicSpec[] {
  const { partitions, retention, retentionBytes } = topics;
  const spec = { partitions, retentionMs: retention, ...(retentionBytes !== undefined && { retentionBytes }) };
  return [
    { name: topics.events, ...spec, maxMessageBytes: MESSAGE_BYTES },
    { name: topics.alerts, ...spec, maxMessageBytes: MESSAGE_BYTES },
    { name: topics.deadLetters, ...spec, maxMessageBytes: 2 * MESSAGE_BYTES },
  ];
}

/** Who reads which topic: a group starts at offset 0 of a topic that is created with it. */
export function groupsOfTopics({ topics, groups }: Config): readonly { readonly topic: string; readonly group: string }[] {
  return [
    { topic: topics.events, group: groups.detector },
    ...[topics.events, topics.alerts, topics.deadLetters].map((topic) => ({ topic, group: groups.lineage })),
  ];
}

/** What every command needs of a data folder: its log, its topics and the codec. */
import { join } from 'node:path';
import { type Codec, createCodec, fileRegistry } from '@idemtrace/schemas';
import { type EmbeddedLog, openEmbeddedLog } from '@idemtrace/stream/embedded';
import type { Config } from '../config/index.ts';
import { topicSpecs } from './topics.ts';

export interface Store {
  readonly log: EmbeddedLog;
  readonly codec: Codec;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** A throw-away store need not survive a power cut. */
  readonly throwAway?: boolean;
}

export async function openStore(config: Config, { throwAway = false }: StoreOptions = {}): Promise<Store> {
  const log = await openEmbeddedLog({ path: join(config.dataDir, 'log'), synchronous: throwAway ? 'normal' : 'full' });
  const { topics, groups } = config;
  await log.createTopics(topicSpecs(config), [
    { topic: topics.events, group: groups.detector },
    ...[topics.events, topics.alerts, topics.deadLetters].map((topic) => ({ topic, group: groups.lineage })),
  ]);
  const codec = await createCodec({ registry: fileRegistry() });
  return { log, codec, close: () => log.close() };
}

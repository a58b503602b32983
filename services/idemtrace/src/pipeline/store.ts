/** What every command needs: the log with its topics, and the codec. */
import { type Codec, RegistryError } from '@idemtrace/schemas';
import { type EventLog, LogError } from '@idemtrace/stream';
import type { Config } from '../config/index.ts';
import { withTombstones } from '../erasure/tombstones.ts';
import { CommandError } from '../output/command-error.ts';
import { logAdapter, openCodec, openLog, registryAdapter } from './adapters.ts';
import { groupsOfTopics, topicSpecs } from './topics.ts';

export interface Store {
  readonly log: EventLog;
  readonly codec: Codec;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** A throw-away store need not survive a power cut. */
  readonly throwAway?: boolean;
}

/**
 * Opens the log. The topics of an embedded one are made as they are first needed; those of a cluster are `idemtrace topics create`'s, and their
 * absence is told. Throws CommandError `service_away` where a service does not answer.
 */
export async function openStore(config: Config, { throwAway = false }: StoreOptions = {}): Promise<Store> {
  const adapter = logAdapter(config, throwAway);
  const log = await reached(`Kafka at ${config.kafka.brokers?.join(', ')}`, () => openLog(adapter));
  try {
    if (adapter.kind === 'embedded') await log.createTopics(topicSpecs(config), groupsOfTopics(config));
    else for (const { name } of topicSpecs(config)) await log.partitionsOf(name);
    const codec = await reached(`the schema registry at ${config.registry.url}`, () => openCodec(registryAdapter(config)));
    const seen = adapter.kind === 'embedded' ? log : await withTombstones(log, codec, config.topics.events);
    return { log: seen, codec, close: () => log.close() };
  } catch (error) {
    await log.close();
    throw needsSetup(error);
  }
}

/** A service that does not answer is told by its name and address. */
export async function reached<T>(what: string, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (!isAway(error)) throw error;
    throw new CommandError('service_away', `${what} does not answer: ${error.message}`, { cause: error });
  }
}

function isAway(error: unknown): error is Error {
  return (error instanceof LogError && error.code === 'log_away') || (error instanceof RegistryError && error.code === 'away');
}

function needsSetup(error: unknown): unknown {
  const isMissing =
    (error instanceof LogError && error.code === 'unknown_topic') || (error instanceof RegistryError && error.code === 'not_registered');
  if (!isMissing) return error;
  return new CommandError('not_set_up', `${error.message} Run \`idemtrace topics create\` once.`, { cause: error });
}

/** `idemtrace topics create | check`: topics and schemas of the configured Kafka and registry. */
import { checkSchemas, registerSchemas } from '@idemtrace/schemas/confluent';
import { checkKafkaTopics } from '@idemtrace/stream/kafka';
import type { Config } from '../config/index.ts';
import { tombstoneTopicSpec } from '../erasure/tombstones.ts';
import { CommandError, EXIT } from '../output/command-error.ts';
import { logAdapter, openLog, registryAdapter } from '../pipeline/adapters.ts';
import { reached } from '../pipeline/store.ts';
import { groupsOfTopics, topicSpecs } from '../pipeline/topics.ts';
import { type CommonOptions, type Context, configure } from './context.ts';

/** What the topics and schemas need to be, and are not. */
export interface SetupFinding {
  readonly what: string;
  readonly actual: string;
  readonly wanted: string;
  readonly mend: string;
}

function servicesOf(config: Config) {
  const log = logAdapter(config, false);
  const registry = registryAdapter(config);
  if (log.kind === 'kafka' && registry.kind === 'confluent') return { log, registry };
  throw new CommandError(
    'invalid_config',
    'No Kafka is configured: set IDEMTRACE_KAFKA_BROKERS and IDEMTRACE_REGISTRY_URL. An embedded log makes its own topics.',
  );
}

export async function createCommand(context: Context, options: CommonOptions): Promise<number> {
  const { screen } = context;
  const { config } = configure(context, options);
  const { log: adapter, registry } = servicesOf(config);
  const log = await reached(`Kafka at ${config.kafka.brokers?.join(', ')}`, () => openLog(adapter));
  try {
    await log.createTopics([...topicSpecs(config), tombstoneTopicSpec(config.topics.events)], groupsOfTopics(config));
  } finally {
    await log.close();
  }
  const schemas = await reached(`the schema registry at ${config.registry.url}`, () => registerSchemas(registry.options));
  const topics = topicSpecs(config).map(({ name }) => name);
  if (options.json === true) screen.print(JSON.stringify({ topics, schemas }));
  else {
    screen.print(`Topics, ${config.topics.partitions} partitions each: ${topics.join(', ')}.`);
    for (const { subject, id, isNew } of schemas) screen.print(`${subject}: schema ${id}${isNew ? ', new' : ''}`);
  }
  return EXIT.ok;
}

export async function checkCommand(context: Context, options: CommonOptions): Promise<number> {
  const { screen } = context;
  const { config } = configure(context, options);
  const findings = await setupFindings(config);
  if (options.json === true) screen.print(JSON.stringify({ findings }));
  else if (findings.length === 0) screen.print('Topics and schemas are as the pipeline needs them.');
  else for (const { what, actual, wanted, mend } of findings) screen.print(`${what}: ${actual}, wanted ${wanted}\n      ${mend}`);
  return findings.length === 0 ? EXIT.ok : EXIT.findings;
}

/** How topics and schemas differ from what the pipeline needs. Throws CommandError `service_away`. */
export async function setupFindings(config: Config): Promise<readonly SetupFinding[]> {
  const { log, registry } = servicesOf(config);
  const { replicationFactor, minInsyncReplicas } = config.kafka;
  const topics = await reached(`Kafka at ${config.kafka.brokers?.join(', ')}`, () =>
    checkKafkaTopics(log.options, {
      specs: [...topicSpecs(config), tombstoneTopicSpec(config.topics.events)],
      replicationFactor,
      minInsyncReplicas,
    }),
  );
  const schemas = await reached(`the schema registry at ${config.registry.url}`, () => checkSchemas(registry.options));
  return [
    ...topics.map(({ topic, setting, actual, wanted }) =>
      actual === null
        ? { what: `topic ${topic}`, actual: 'is not there', wanted: `${wanted} partitions`, mend: 'Run `idemtrace topics create`.' }
        : { what: `topic ${topic}, ${setting}`, actual, wanted, mend: MEND[setting] ?? `Alter the topic: ${setting}=${wanted}.` },
    ),
    ...schemas.flatMap(({ subject, state, compatibility }): readonly SetupFinding[] => [
      ...(state === 'registered'
        ? []
        : [
            {
              what: `schema ${subject}`,
              actual: state === 'missing' ? 'is not registered' : 'is registered in other versions only',
              wanted: 'the one of this version',
              mend: 'Run `idemtrace topics create`.',
            },
          ]),
      ...(state === 'missing' || compatibility === 'FULL_TRANSITIVE'
        ? []
        : [
            {
              what: `schema ${subject}, compatibility`,
              actual: compatibility ?? 'not set',
              wanted: 'FULL_TRANSITIVE',
              mend: 'Run `idemtrace topics create`: it sets the level.',
            },
          ]),
    ]),
  ];
}

/** What a client can do about a setting. */
const MEND: Readonly<Record<string, string>> = {
  partitions:
    'A topic’s number of partitions decides where a workflow is: create new topics with this number, or set topics.partitions to what they have.',
  'replication.factor': 'Reassign the partitions to more brokers; on a single broker, for development, set kafka.replicationFactor to 1.',
};

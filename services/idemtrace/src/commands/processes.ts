/** `idemtrace detector | gateway | lineage-sink`: the parts of the pipeline as processes of their own, on the services that are configured. */
import type { StartFrom } from '@idemtrace/detector';
import { createProbes, type Readiness, type Served } from '@idemtrace/gateway';
import { checkLineage, connectLineage, type LineageAddress, type LineageCluster } from '@idemtrace/lineage';
import type { Config } from '../config/index.ts';
import { CommandError, EXIT } from '../output/command-error.ts';
import { gatewayOf, listening } from '../pipeline/gateway.ts';
import { clusterOf, lineageServer } from '../pipeline/lineage.ts';
import { startDetectorPart, startSinkPart } from '../pipeline/parts.ts';
import { openPolicy } from '../pipeline/policy.ts';
import { openStore, type Store } from '../pipeline/store.ts';
import { aborted, type CommonOptions, type Configured, type Context, configure } from './context.ts';

export interface DetectorOptions extends CommonOptions {
  readonly from?: string;
}

export async function detectorCommand(context: Context, options: DetectorOptions): Promise<number> {
  const configured = configureServices(context, options, 'detector');
  const { config, logger } = configured;
  const from = startFrom(options.from);
  // A policy with mistakes is told before anything starts, and so are topics that are not there.
  openPolicy(config.policy);
  await (await openStore(config)).close();
  const detector = await startDetectorPart({ config, logger, from, samples: lineageServer(config) });
  try {
    const probes = await serveProbes(config, () => detector.status());
    context.screen.print(`The detector judges ${config.topics.events} as ${config.groups.detector}. Probes: ${probes.url}/readyz.`);
    await untilEnded(context, probes, detector.failed);
    return EXIT.ok;
  } finally {
    await detector.close();
  }
}

export async function lineageSinkCommand(context: Context, options: CommonOptions): Promise<number> {
  const { config, logger } = configureServices(context, options, 'lineage-sink');
  const address = lineageServer(config);
  if (address === undefined)
    throw new CommandError('invalid_config', 'The lineage sink needs a ClickHouse server: set IDEMTRACE_CLICKHOUSE_URL.');
  await (await openStore(config)).close();
  await checkSchema(address, clusterOf(config));
  const sink = await startSinkPart({ config, logger, address });
  try {
    const ready = async (): Promise<Readiness> => {
      const { healthy, lastError } = await sink.status();
      return { ready: healthy, waitingFor: healthy ? null : `ClickHouse (${lastError?.code ?? 'unknown'})` };
    };
    const probes = await serveProbes(config, ready);
    context.screen.print(
      `The lineage sink stores into ${config.clickhouse.database} as ${config.groups.lineage}. Probes: ${probes.url}/readyz.`,
    );
    await untilEnded(context, probes, sink.failed);
    return EXIT.ok;
  } finally {
    await sink.close();
  }
}

export async function gatewayCommand(context: Context, options: CommonOptions & { readonly port?: string }): Promise<number> {
  const { config, logger } = configureServices(context, options, 'gateway', { 'intake.port': options.port });
  if (config.intake.apiKeys.length === 0) {
    throw new CommandError(
      'invalid_config',
      'The gateway has no keys: set IDEMTRACE_INTAKE_API_KEYS, a key for each tenant (tenant=key, …).',
    );
  }
  const store = await openStore(config);
  try {
    const keys = config.intake.apiKeys.map(({ key, tenantId }) => ({ key: key.reveal(), tenantId }));
    const intake = await gatewayOf({ store, config, keys, logger, ready: () => reaches(store, config), samples: lineageServer(config) });
    try {
      const served = await listening(intake.gateway, config.intake, 'The gateway');
      const tenants = new Set(keys.map(({ tenantId }) => tenantId)).size;
      context.screen.print(`The gateway takes events at ${served.url}/v1/events, for ${tenants} tenants.`);
      await untilEnded(context, served, new Promise(() => {}));
    } finally {
      await intake.close();
    }
    return EXIT.ok;
  } finally {
    await store.close();
  }
}

/** What the log does not answer by then it does not take either, ms. */
const LOG_TIMEOUT_MS = 3_000;

async function reaches({ log }: Store, { topics }: Config): Promise<Readiness> {
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error('late')), LOG_TIMEOUT_MS).unref());
  const isThere = await Promise.race([log.bounds(topics.events), late]).then(
    () => true,
    () => false,
  );
  return { ready: isThere, waitingFor: isThere ? null : 'the log' };
}

function configureServices(
  context: Context,
  options: CommonOptions,
  name: string,
  flags: Record<string, string | undefined> = {},
): Configured {
  const configured = configure(context, options, flags);
  if (configured.config.kafka.brokers !== undefined) return configured;
  throw new CommandError(
    'invalid_config',
    `\`idemtrace ${name}\` is a process of its own, on Kafka: set IDEMTRACE_KAFKA_BROKERS and IDEMTRACE_REGISTRY_URL. Without services, \`idemtrace up\` runs everything in one process.`,
  );
}

/** `earliest`, `latest`, or a time as ISO 8601 says it. */
function startFrom(from: string | undefined): StartFrom | undefined {
  if (from === undefined || from === 'earliest' || from === 'latest') return from;
  const time = Date.parse(from);
  if (Number.isNaN(time))
    throw new CommandError('invalid_input', `--from ${from} is none of earliest, latest, and a time such as 2026-01-31T12:00:00Z.`);
  return time;
}

/** A schema that is missing or of another version would keep the sink waiting for ever: it is told before it starts. A server that is away is waited for. */
async function checkSchema(address: LineageAddress, cluster: LineageCluster | undefined): Promise<void> {
  const client = connectLineage(address);
  try {
    const { findings } = await checkLineage(client, { cluster });
    const wrong = findings.find(({ severity, setting }) => severity === 'error' && setting !== 'server');
    if (wrong === undefined) return;
    const { setting, actual, wanted, mend } = wrong;
    throw new CommandError('not_set_up', `ClickHouse, database ${address.database}: ${setting} ${actual}, wanted ${wanted}. ${mend}`);
  } finally {
    await client.close();
  }
}

function serveProbes({ probes }: Config, ready: () => Promise<Readiness>): Promise<Served> {
  return listening(createProbes(ready), probes, 'The probes');
}

/** Until Ctrl-C, a request to end, or a fault; a fault is thrown, so that whoever watches the process starts it again. */
async function untilEnded({ signal, screen }: Context, served: Served, failed: Promise<never>): Promise<void> {
  try {
    await Promise.race([failed, aborted(signal)]);
  } finally {
    await served.close();
  }
  screen.note('Ending: finishing what is under way.');
}

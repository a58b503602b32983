/** `idemtrace lineage migrate | access`: the tables of a ClickHouse server, and who may do what in them. */
import {
  accessStatements,
  applyRetention,
  connectLineage,
  createDatabase,
  type LineageAddress,
  migrate,
  retentionOf,
} from '@idemtrace/lineage';
import type { Config } from '../config/index.ts';
import { CommandError, EXIT } from '../output/command-error.ts';
import { clusterOf, lineageServer, retentionDays } from '../pipeline/lineage.ts';
import { type CommonOptions, type Context, configure } from './context.ts';

/** Operational samples are of no use for long. */
const SAMPLES_DAYS = 30;

function serverOf(config: Config): LineageAddress {
  const address = lineageServer(config);
  if (address !== undefined) return address;
  throw new CommandError(
    'invalid_config',
    'No ClickHouse server is configured: set IDEMTRACE_CLICKHOUSE_URL. The embedded engine brings its own tables up to date.',
  );
}

export async function migrateCommand(context: Context, options: CommonOptions): Promise<number> {
  const { config } = configure(context, options);
  const address = serverOf(config);
  const cluster = clusterOf(config);
  const client = connectLineage(address);
  try {
    await createDatabase(address, cluster);
    const ran = await migrate(client, { ...(cluster !== undefined && { cluster }) });
    const days = retentionDays(config);
    const changes = await applyRetention(client, { ...retentionOf(days), operational_samples: Math.min(days, SAMPLES_DAYS) }, cluster);
    if (options.json === true) context.screen.print(JSON.stringify({ migrations: ran, retention: changes }));
    else {
      context.screen.print(
        ran.length === 0 ? `${config.clickhouse.database} is up to date.` : `${config.clickhouse.database}: ran ${ran.join(', ')}.`,
      );
      for (const { table, after } of changes) context.screen.print(`${table}: rows are kept for ${after} days.`);
    }
    return EXIT.ok;
  } finally {
    await client.close();
  }
}

export interface AccessCommandOptions extends CommonOptions {
  readonly tenant?: readonly string[];
  readonly operator?: readonly string[];
}

/** Prints SQL, and runs nothing: users and row policies are an administrator's to make. */
export async function accessCommand(context: Context, options: AccessCommandOptions): Promise<number> {
  const { config } = configure(context, options);
  const statements = accessStatements({
    database: config.clickhouse.database,
    cluster: clusterOf(config),
    tenants: options.tenant ?? [],
    operators: options.operator ?? [],
  });
  context.screen.print(statements.map((statement) => `${statement};`).join('\n'));
  return EXIT.ok;
}

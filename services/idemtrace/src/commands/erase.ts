/** `idemtrace erase`: a tenant out of every store that idemtrace holds, and the proof. */
import { createInterface } from 'node:readline/promises';
import type { Config } from '../config/index.ts';
import { erase } from '../erasure/erase.ts';
import { type ErasedPlace, unexplained } from '../erasure/proof.ts';
import { CommandError, EXIT } from '../output/command-error.ts';
import { table } from '../output/table.ts';
import { type CommonOptions, type Context, configure } from './context.ts';

export interface EraseOptions extends CommonOptions {
  readonly tenant: string;
  readonly yes?: boolean;
}

export async function eraseCommand(context: Context, options: EraseOptions): Promise<number> {
  const { screen } = context;
  const { config } = configure(context, options);
  const { tenant } = options;
  if (tenant === '' || !tenant.isWellFormed()) throw new CommandError('invalid_input', '--tenant names no tenant.');
  for (const line of planOf(config, tenant)) screen.note(line);
  if (options.yes !== true && !(await agreed(tenant))) {
    screen.note('Nothing was erased.');
    return EXIT.interrupted;
  }
  const places = await erase(config, tenant, (text) => screen.progress(text));
  screen.settle();
  const undone = unexplained(places);
  if (options.json === true) screen.print(JSON.stringify({ tenantId: tenant, erased: undone.length === 0, places }));
  else for (const line of proofOf(places)) screen.print(line);
  return undone.length === 0 ? EXIT.ok : EXIT.findings;
}

/** What is going to happen, and to what. */
function planOf(config: Config, tenant: string): readonly string[] {
  const { kafka, redis, clickhouse, dataDir } = config;
  const hasRedis = redis.url !== undefined || redis.nodes !== undefined || redis.sentinels !== undefined;
  return [
    `Erases tenant ${JSON.stringify(tenant)}, for good:`,
    kafka.brokers === undefined
      ? `  log        ${dataDir}/log: its records become clock ticks, and the file is written anew`
      : `  log        Kafka at ${kafka.brokers.join(', ')}: its records are masked, and stay until their retention is over`,
    hasRedis ? '  windows    Redis: the pages of its workflows are deleted' : '  windows    in memory: nothing to do',
    clickhouse.url === undefined
      ? `  lineage    ${dataDir}/lineage: its rows are deleted`
      : `  lineage    ClickHouse at ${clickhouse.url}, database ${clickhouse.database}: its rows are deleted`,
    config.hashKey === undefined
      ? `  hash keys  ${dataDir}: its salt is destroyed`
      : '  hash keys  configured: they are not idemtrace’s to destroy',
    'Stop its agents first: what they send from now on is new. Alerts that subscribers have read, backups and snapshots are not reached.',
  ];
}

async function agreed(tenant: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new CommandError('invalid_input', 'Nobody is there to be asked: say --yes to erase without a question.');
  }
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await ask.question(`Type the tenant's name to erase it: `)) === tenant;
  } finally {
    ask.close();
  }
}

function proofOf(places: readonly ErasedPlace[]): readonly string[] {
  const rows = places.map(({ store, place, found, removed, left }) => [store, place, found, removed, left] as const);
  const notes = Map.groupBy(
    places.filter(({ note }) => note !== undefined),
    ({ note }) => note,
  );
  return [
    table(['store', 'place', 'found', 'removed', 'left'], rows),
    ...[...notes].map(([note, of]) => `${of.map(({ place }) => place).join(', ')}: ${note}.`),
  ];
}

/**
 * How a statement of a migration reads on a server of its own, and on a cluster. Migrations are written once:
 *
 * | in a migration | one server | cluster |
 * |---|---|---|
 * | `$ON_CLUSTER` | nothing | ON CLUSTER … |
 * | `events$LOCAL` | `events` | `events_local`, the shard's own table; the statement then runs again for the Distributed table `events` |
 * | `$MERGE_TREE`, `$REPLACING_MERGE_TREE` | the engine | the same, replicated |
 * | `$REPLACING_MERGE_TREE_EVERYWHERE` | the engine | one table on all shards, each server a replica |
 * | `$SHARD_BY(columns)` | nothing | nothing; the Distributed table's key is a hash of these columns |
 *
 * So sink, views and queries name the same tables in both.
 */
import { quoteName, quoteText } from './sql.ts';

/** A cluster of the server's configuration (`remote_servers`). Its servers need the macros `shard` and `replica`. */
export interface LineageCluster {
  readonly name: string;
  /**
   * Where replicated tables meet in Keeper. Default `/clickhouse/tables/{database}/{table}`: a server that joins later finds the others there,
   * as it would not under a `{uuid}`. The shard is added to it.
   */
  readonly path?: string;
  /** Default `{replica}`: unique within a shard. */
  readonly replica?: string;
}

const DEFAULT_PATH = '/clickhouse/tables/{database}/{table}';
const DEFAULT_REPLICA = '{replica}';
export const LOCAL_SUFFIX = '_local';

type Variables = Readonly<Record<string, string | undefined>>;

const ONE_SERVER: Variables = {
  ON_CLUSTER: '',
  MERGE_TREE: 'MergeTree',
  REPLACING_MERGE_TREE: 'ReplacingMergeTree',
  REPLACING_MERGE_TREE_EVERYWHERE: 'ReplacingMergeTree',
  LOCAL: '',
  SHARD_BY: '',
};

function variablesOf({ name, path = DEFAULT_PATH, replica = DEFAULT_REPLICA }: LineageCluster): Variables {
  const sharded = `${quoteText(`${path}/{shard}`)}, ${quoteText(replica)}`;
  // Replicas of a shard are told apart by `replica` alone, those of all shards are not.
  const everywhere = `${quoteText(`${path}/all`)}, ${quoteText(`{shard}-${replica}`)}`;
  return {
    ON_CLUSTER: onCluster({ name }),
    MERGE_TREE: `ReplicatedMergeTree(${sharded})`,
    REPLACING_MERGE_TREE: `ReplicatedReplacingMergeTree(${sharded})`,
    REPLACING_MERGE_TREE_EVERYWHERE: `ReplicatedReplacingMergeTree(${everywhere})`,
    LOCAL: LOCAL_SUFFIX,
    SHARD_BY: '',
  };
}

export function onCluster(cluster: LineageCluster | undefined): string {
  return cluster === undefined ? '' : `ON CLUSTER ${quoteName(cluster.name)}`;
}

/** The table that holds the rows: on a cluster the Distributed one of the plain name has none. */
export function storedIn(table: string, cluster: LineageCluster | undefined): string {
  return cluster === undefined ? table : `${table}${LOCAL_SUFFIX}`;
}

/** A name that is no variable of a migration, or a table of shards whose sharding is not said. */
export class UnknownVariable extends Error {
  override readonly name = 'UnknownVariable';
}

const VARIABLE = /\$([A-Z_]+)(?:\(([^()]*)\))?/g;
const LOCAL_TABLE = /^\s*(CREATE|ALTER) TABLE (?:IF NOT EXISTS )?(\w+)\$LOCAL\b/;
const SHARD_BY = /\$SHARD_BY\(([^()]*)\)/;

/** What runs for one statement of a migration, in order. Throws UnknownVariable, and SqlTextError where the cluster's name is none. */
export function statementsFor(statement: string, cluster: LineageCluster | undefined): readonly string[] {
  if (cluster === undefined) return [substitute(statement, ONE_SERVER)];
  const variables = variablesOf(cluster);
  const own = substitute(statement, variables);
  const [, verb, table] = LOCAL_TABLE.exec(statement) ?? [];
  if (verb === undefined || table === undefined) return [own];
  return [own, verb === 'CREATE' ? distributed(statement, table, cluster) : substitute(statement, { ...variables, LOCAL: '' })];
}

function distributed(statement: string, table: string, cluster: LineageCluster): string {
  const columns = SHARD_BY.exec(statement)?.[1];
  if (columns === undefined) throw new UnknownVariable(`Table ${table} is one of shards, but no $SHARD_BY(columns) says by what`);
  return `CREATE TABLE IF NOT EXISTS ${table} ${onCluster(cluster)} AS ${table}${LOCAL_SUFFIX}
ENGINE = Distributed(${quoteText(cluster.name)}, currentDatabase(), ${quoteText(`${table}${LOCAL_SUFFIX}`)}, cityHash64(${columns}))`;
}

function substitute(sql: string, variables: Variables): string {
  return sql
    .replace(VARIABLE, (whole, variable: string) => {
      const value = variables[variable];
      if (value === undefined) throw new UnknownVariable(`There is no variable ${whole}`);
      return value;
    })
    .trim();
}

/** Where lineage is, and a client for it. */
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';

export interface LineageAddress {
  /** E.g. `http://127.0.0.1:8123`; an EmbeddedEngine is an address. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** Default `default`. It must exist. */
  readonly database?: string;
}

/** An insert into a server that is busy merging takes its time; a query that takes longer is none for a person who waits. */
const REQUEST_TIMEOUT_MS = 60_000;

/** A client for sink and queries. It connects when it is first used. Its own log is off: it would quote queries and rows (P1). */
export function connectLineage({ url, username, password, database = 'default' }: LineageAddress): ClickHouseClient {
  return createClient({
    url,
    username,
    password,
    database,
    application: 'idemtrace',
    request_timeout: REQUEST_TIMEOUT_MS,
    log: { level: ClickHouseLogLevel.OFF },
  });
}

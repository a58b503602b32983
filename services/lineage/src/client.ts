/** Where lineage is, and a client for it. */
import { Agent } from 'node:https';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';

export interface LineageAddress {
  /** E.g. `http://127.0.0.1:8123`, or `https://…` for TLS; an EmbeddedEngine is an address. */
  readonly url: string;
  readonly username: string;
  /** Empty with a client certificate: the server then takes the certificate for the password. */
  readonly password: string;
  /** Default `default`. It must exist (`createDatabase`). */
  readonly database?: string;
  /** Read where the URL says https. */
  readonly tls?: LineageTls;
}

/** PEM texts. */
export interface LineageTls {
  /** Authority that the server's certificate is checked against; default: those that Node knows. */
  readonly ca?: string;
  /** Certificate and private key of this client. */
  readonly cert?: string;
  readonly key?: string;
}

/** An insert into a server that is busy merging takes its time; a query that takes longer is none for a person who waits. */
const REQUEST_TIMEOUT_MS = 60_000;
const MAX_CONNECTIONS = 10;

/** A client for sink and queries. It connects when it is first used. Its own log is off: it would quote queries and rows (P1). */
export function connectLineage({ url, username, password, database = 'default', tls = {} }: LineageAddress): ClickHouseClient {
  return createClient({
    url,
    username,
    password,
    database,
    application: 'idemtrace',
    request_timeout: REQUEST_TIMEOUT_MS,
    max_open_connections: MAX_CONNECTIONS,
    log: { level: ClickHouseLogLevel.OFF },
    ...(url.startsWith('https:') && secured(tls, username, password)),
  });
}

/** The client's own TLS option wants an authority of its own in any case, and with a certificate never sends a password. */
function secured(tls: LineageTls, username: string, password: string) {
  const http_agent = new Agent({ ...tls, keepAlive: true, maxSockets: MAX_CONNECTIONS });
  if (tls.cert === undefined || password !== '') return { http_agent };
  return {
    http_agent,
    set_basic_auth_header: false,
    http_headers: { 'X-ClickHouse-User': username, 'X-ClickHouse-SSL-Certificate-Auth': 'on' },
  };
}

/** What test files of one run share, and what they hear of it. */
import type { Service } from '../service.ts';

/** A service's addresses; which ones, depends on the service. */
export interface SharedAddresses {
  readonly kafka: { readonly brokers: readonly string[] };
  readonly registry: { readonly url: string };
  readonly redis: { readonly host: string; readonly port: number; readonly url: string };
  readonly clickhouse: { readonly url: string; readonly username: string; readonly password: string };
  readonly postgres: {
    readonly host: string;
    readonly port: number;
    readonly username: string;
    readonly database: string;
    readonly url: string;
  };
}

export type SharedName = keyof SharedAddresses;

export type Answer<N extends SharedName = SharedName> = { readonly addresses: SharedAddresses[N] } | { readonly error: string };

/** Starts one service for a whole run. */
export const START: { readonly [N in SharedName]: () => Promise<Service & SharedAddresses[N]> } = {
  kafka: async () => (await import('../kafka/index.ts')).startKafka(),
  registry: async () => (await import('../registry.ts')).startRegistry(),
  redis: async () => (await import('../redis/server.ts')).startRedis(),
  clickhouse: async () => (await import('../clickhouse/index.ts')).startClickHouse(),
  postgres: async () => (await import('../postgres.ts')).startPostgres(),
};

/** The services of `services:up`, how each is started on its folder, and what idemtrace needs to know of it. */
import { startClickHouse } from '../clickhouse/index.ts';
import { startKafka } from '../kafka/index.ts';
import { startPostgres } from '../postgres.ts';
import { startRedis } from '../redis/index.ts';
import { startRegistry } from '../registry.ts';
import type { Service } from '../service.ts';

export const STACK = ['kafka', 'registry', 'redis', 'clickhouse', 'postgres'] as const;
export type StackName = (typeof STACK)[number];

/** What is remembered of a service, whether it runs or not. */
export interface Known {
  readonly pid: number;
  readonly ports: Readonly<Record<string, number>>;
  /** As a person reads it. */
  readonly address: string;
  /** Points idemtrace at it. */
  readonly environment: Readonly<Record<string, string>>;
}

interface Started extends Omit<Known, 'pid'> {
  readonly service: Service;
}

/** On its folder, on the ports it had before where there are any. It outlives this process. */
export const START: { readonly [N in StackName]: (folder: string, ports: Readonly<Record<string, number>>) => Promise<Started> } = {
  async kafka(folder, ports) {
    const service = await startKafka({ folder, ports, detached: true });
    const environment = {
      IDEMTRACE_KAFKA_BROKERS: service.brokers.join(','),
      // One broker holds one replica.
      IDEMTRACE_KAFKA_REPLICATION_FACTOR: '1',
      IDEMTRACE_KAFKA_MIN_INSYNC_REPLICAS: '1',
    };
    return { service, ports: service.ports as Record<string, number>, address: service.brokers.join(','), environment };
  },
  async registry(folder, ports) {
    const service = await startRegistry({ folder, ...http(ports), durable: true, detached: true });
    return { service, ports: { http: service.port }, address: service.url, environment: { IDEMTRACE_REGISTRY_URL: service.url } };
  },
  async redis(folder, ports) {
    const service = await startRedis({ folder, ...(ports.redis !== undefined && { port: ports.redis }), detached: true });
    return { service, ports: { redis: service.port }, address: service.url, environment: { IDEMTRACE_REDIS_URL: service.url } };
  },
  async clickhouse(folder, ports) {
    const service = await startClickHouse({ folder, ...http(ports), detached: true });
    const environment = {
      IDEMTRACE_CLICKHOUSE_URL: service.url,
      IDEMTRACE_CLICKHOUSE_USERNAME: service.username,
      IDEMTRACE_CLICKHOUSE_PASSWORD: service.password,
    };
    return { service, ports: { http: service.port }, address: service.url, environment };
  },
  async postgres(folder, ports) {
    const service = await startPostgres({ folder, ...(ports.postgres !== undefined && { port: ports.postgres }), detached: true });
    // No setting of idemtrace reads it yet.
    return { service, ports: { postgres: service.port }, address: service.url, environment: {} };
  },
};

function http(ports: Readonly<Record<string, number>>): { readonly port?: number } {
  return ports.http === undefined ? {} : { port: ports.http };
}

/** The names of a list such as `kafka,redis`; all without one. Throws TypeError with the names there are. */
export function stackNames(list: string | undefined): readonly StackName[] {
  if (list === undefined) return STACK;
  return list.split(',').map((given) => {
    const name = STACK.find((candidate) => candidate === given.trim());
    if (name === undefined) throw new TypeError(`--only ${given.trim()} is no service: there are ${STACK.join(', ')}.`);
    return name;
  });
}

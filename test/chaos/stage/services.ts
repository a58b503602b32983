/** The services that are killed, each on its own, and the proxies that stand before two of them. */
import {
  type ClickHouse,
  freePorts,
  type Kafka,
  type Redis,
  type Registry,
  startClickHouse,
  startKafka,
  startRedis,
  startRegistry,
} from '@idemtrace/local-services';
import { startProxy, type TcpProxy } from './proxy.ts';

export interface ChaosServices {
  readonly kafka: Kafka;
  readonly registry: Registry;
  readonly redis: Redis;
  readonly clickhouse: ClickHouse;
  /** Before the broker: it tells whoever comes through it to come back through it. */
  readonly brokerProxy: TcpProxy;
  readonly redisProxy: TcpProxy;
  stop(): Promise<void>;
}

/** What a deployment is told: addresses past the proxies, and for its first detector those of the proxies. */
export function addressesOf({ kafka, registry, redis, clickhouse, brokerProxy, redisProxy }: ChaosServices) {
  return {
    services: { brokers: kafka.brokers, registryUrl: registry.url, redisUrl: redis.url, clickhouse },
    firstDetector: {
      IDEMTRACE_KAFKA_BROKERS: `127.0.0.1:${brokerProxy.port}`,
      IDEMTRACE_REDIS_URL: `redis://127.0.0.1:${redisProxy.port}`,
    },
  };
}

export async function startServices(): Promise<ChaosServices> {
  const ports = await freePorts(['PLAIN', 'CONTROLLER', 'behindProxy', 'brokerProxy', 'redisProxy']);
  const brokerProxy = await startProxy({ port: ports.behindProxy }, ports.brokerProxy);
  const [kafka, registry, redis, clickhouse] = await Promise.all([
    startKafka({
      ports: { PLAIN: ports.PLAIN, CONTROLLER: ports.CONTROLLER },
      properties: {
        listeners: `PLAIN://127.0.0.1:${ports.PLAIN},CONTROLLER://127.0.0.1:${ports.CONTROLLER},PROXIED://127.0.0.1:${ports.behindProxy}`,
        'advertised.listeners': `PLAIN://127.0.0.1:${ports.PLAIN},PROXIED://127.0.0.1:${ports.brokerProxy}`,
        'listener.security.protocol.map': 'PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT',
      },
    }),
    startRegistry(),
    startRedis(),
    startClickHouse(),
  ]);
  const redisProxy = await startProxy({ port: redis.port }, ports.redisProxy);
  return {
    kafka,
    registry,
    redis,
    clickhouse,
    brokerProxy,
    redisProxy,
    stop: async () => {
      await Promise.all([brokerProxy.close(), redisProxy.close(), kafka.stop(), registry.stop(), redis.stop(), clickhouse.stop()]);
    },
  };
}

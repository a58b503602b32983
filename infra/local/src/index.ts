export type { Certificates } from './certificates.ts';
export { type ClickHouse, type ClickHouseOptions, startClickHouse } from './clickhouse/index.ts';
export { LocalServiceError, type LocalServiceErrorCode } from './error.ts';
export {
  KAFKA_VERSION,
  type Kafka,
  type KafkaCluster,
  type KafkaOptions,
  startKafka,
  startKafkaCluster,
} from './kafka/index.ts';
export { freePorts } from './ports.ts';
export { type Postgres, type PostgresOptions, startPostgres } from './postgres.ts';
export {
  type Redis,
  type RedisCluster,
  type RedisOptions,
  type RedisSentinel,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from './redis/index.ts';
export { REGISTRY_VERSION, type Registry, type RegistryOptions, startRegistry } from './registry.ts';
export type { Service, ServiceOptions } from './service.ts';

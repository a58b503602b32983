export { type RedisCluster, startRedisCluster } from './cluster.ts';
export { type RedisSentinel, startRedisSentinel } from './sentinel.ts';
export { type Redis, type RedisOptions, startRedis } from './server.ts';

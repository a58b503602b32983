export { checkRedis, type RedisCheck, type RedisFinding } from './check.ts';
export { type ErasedPages, eraseRedisWindows } from './erase.ts';
export { RedisWindowsError, type RedisWindowsErrorCode } from './error.ts';
export type { RedisWindowsOptions } from './options.ts';
export { connectRedisWindows, type RedisWindows } from './redis-windows.ts';
export type { WatchStatus } from './watch.ts';

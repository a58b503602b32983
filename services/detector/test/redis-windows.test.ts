import { sharedRedis } from '@idemtrace/local-services/testing';
import { connectRedisWindows } from '../src/windows/redis/index.ts';
import { windowConformance } from './windows-conformance.ts';

windowConformance('Redis', async (windowMs) => {
  const { url } = await sharedRedis();
  return connectRedisWindows({ url, windowMs });
});

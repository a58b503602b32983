/** A real Redis Cluster and a master with replica and sentinel, as `services:up` and the adapters' tests run them. */
import { type RedisCluster, type RedisSentinel, startRedisCluster, startRedisSentinel } from '@idemtrace/local-services';
import { Cluster, Redis } from 'ioredis';
import { expect, test } from 'vitest';

const PATIENT = { timeout: 180_000 };

test('a cluster of three shares the slots, and each key is found from any node', PATIENT, async () => {
  const cluster: RedisCluster = await startRedisCluster();
  try {
    for (const start of cluster.nodes) {
      const client = new Cluster([{ host: start.host, port: start.port }]);
      const keys = Array.from({ length: 60 }, (_, index) => `key-${start.port}-${index}`);
      for (const key of keys) await client.set(key, key);
      expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
      client.disconnect();
    }
    const sizes = await Promise.all(
      cluster.nodes.map(async ({ port }) => {
        const client = new Redis(port);
        const size = await client.dbsize();
        client.disconnect();
        return size;
      }),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(180);
    for (const size of sizes) expect(size).toBeGreaterThan(0);
  } finally {
    await cluster.stop();
  }
});

test('a sentinel puts the replica in the place of a killed master, and what was acknowledged by both is there', PATIENT, async () => {
  const deployment: RedisSentinel = await startRedisSentinel({ password: 'letmein1' });
  const { sentinels, masterName, master } = deployment;
  const client = new Redis({
    sentinels: sentinels.map((address) => ({ host: '127.0.0.1', port: Number(address.split(':')[1]) })),
    name: masterName,
    password: 'letmein1',
    maxRetriesPerRequest: null,
  });
  // Connections that fail while there is no master are what is meant to happen.
  client.on('error', () => undefined);
  try {
    await client.set('paid', 'yes');
    expect(await client.wait(1, 0)).toBe(1);
    await master.kill();
    // Waits for as long as there is no master.
    expect(await client.get('paid')).toBe('yes');
    expect(await client.set('paid', 'again')).toBe('OK');
  } finally {
    client.disconnect();
    await deployment.stop();
  }
});

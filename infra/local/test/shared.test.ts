/** One set of services for a run, by whichever test file asks first. */
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { sharedClickHouse, sharedKafka, sharedPostgres, sharedRedis, sharedRegistry } from '../src/testing/index.ts';

test('files that ask at once are given one and the same service', async () => {
  const [first, second] = await Promise.all([sharedRedis(), sharedRedis()]);
  expect(second).toEqual(first);
  expect(first.url).toBe(`redis://${first.host}:${first.port}`);
});

test('every shared service answers at the address that is handed out', async () => {
  const [kafka, registry, redis, clickhouse, postgres] = await Promise.all([
    sharedKafka(),
    sharedRegistry(),
    sharedRedis(),
    sharedClickHouse(),
    sharedPostgres(),
  ]);
  const kafkaPort = Number(kafka.brokers[0]?.split(':')[1]);
  for (const port of [kafkaPort, redis.port, postgres.port]) await expect(accepts(port)).resolves.toBe(true);
  expect(await (await fetch(`${registry.url}/subjects`)).json()).toEqual(expect.any(Array));
  const { username, password } = clickhouse;
  const answer = await fetch(`${clickhouse.url}/?query=SELECT+42`, {
    headers: { 'X-ClickHouse-User': username, 'X-ClickHouse-Key': password },
  });
  expect((await answer.text()).trim()).toBe('42');
});

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

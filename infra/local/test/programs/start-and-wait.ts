/** Starts three services, pauses one, says so, and waits to be killed. */
import { startClickHouse, startPostgres, startRedis } from '../../src/index.ts';

const services = await Promise.all([startRedis(), startClickHouse(), startPostgres()]);
await services[1].pause();
console.log(JSON.stringify(services.map(({ pid, folder }) => ({ pid, folder }))));
setInterval(() => undefined, 2 ** 30);

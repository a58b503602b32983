/** Fetches the programs of all services, so that no test waits for a download. */
import { installKafka } from '../src/kafka/index.ts';
import { INITDB, OPENSSL, POSTGRES, program, REDIS_SERVER } from '../src/programs.ts';
import { installRegistry } from '../src/registry.ts';

for (const wanted of [REDIS_SERVER, POSTGRES, INITDB, OPENSSL]) await program(wanted);
await installKafka();
await installRegistry();

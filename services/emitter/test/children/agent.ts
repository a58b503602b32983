/** An agent that makes one call and ends without closing anything. */
import { createIdemtrace } from '../../src/idemtrace.ts';
import { kafkaTransport } from '../../src/kafka/index.ts';
import { HASH_KEY } from '../world.ts';

const idemtrace = createIdemtrace({ transport: kafkaTransport(JSON.parse(process.argv[2] ?? '')), hashKey: HASH_KEY });
const charge = idemtrace.tool('charge_card', async (input: { invoice: string }) => input.invoice, { effect: 'write' });
await idemtrace.run({ tenantId: 'acme', workflowId: 'w' }, () => charge({ invoice: '42' }));

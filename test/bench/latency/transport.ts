/** How the bench's agent reaches the log. */
import { createCodec, fileRegistry } from '@idemtrace/schemas';
import type { Transport } from '@idemtrace/sdk';
import { openKafkaLog } from '@idemtrace/stream/kafka';
import { logTransport } from 'idemtrace/internal';

export async function agentTransport({
  brokers,
  topic,
}: {
  readonly brokers: readonly string[];
  readonly topic: string;
}): Promise<Transport> {
  const log = await openKafkaLog({ brokers });
  const { send } = logTransport(log, topic, await createCodec({ registry: fileRegistry() }));
  return { send, close: () => log.close() };
}

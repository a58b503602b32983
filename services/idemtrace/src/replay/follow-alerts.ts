import type { Alert } from '@idemtrace/schemas';
import type { TailOptions } from '@idemtrace/stream';
import type { Store } from '../pipeline/store.ts';

/** Alerts as they are published, every revision, until the signal ends it. */
export async function* followAlerts(store: Store, topic: string, options: TailOptions): AsyncGenerator<Alert> {
  for await (const record of store.log.tail(topic, options)) {
    const [decoded] = await store.codec.decode([record]);
    if (decoded?.ok && decoded.record.name === 'Alert') yield decoded.record.value;
  }
}

import { type Alert, createCodec } from '@idemtrace/schemas';
import type { EventLog } from '@idemtrace/stream';
import { connectionTo, openKafkaLog } from '@idemtrace/stream/kafka';
import { IdemtraceError } from '../errors.ts';
import { clientOptions, type KafkaConnectionOptions, type RegistryChoice, registryOf } from '../kafka/connection.ts';
import { Delivery, type Handling } from './delivery.ts';
import { placeGroup } from './first-position.ts';
import { SEVERITIES, type Severity } from './severity.ts';

export { type Alert, RegistryError, type RegistryErrorCode } from '@idemtrace/schemas';
export type { ConfluentRegistryOptions } from '@idemtrace/schemas/confluent';
export { LogError, type LogErrorCode } from '@idemtrace/stream';
export type { KafkaReport, KafkaSasl, KafkaTls } from '@idemtrace/stream/kafka';
export type { KafkaConnectionOptions, RegistryChoice } from '../kafka/connection.ts';
export type { InvalidRecord } from './delivery.ts';
export type { Severity } from './severity.ts';

export type AlertSubscriptionOptions = KafkaConnectionOptions &
  RegistryChoice &
  Partial<Pick<Handling, 'attempts' | 'onInvalid'>> & {
    /** Subscribers with one name share the alerts among them, and go on where the group stopped. */
    readonly group: string;
    /** Default `idemtrace.alerts`. */
    readonly topic?: string | undefined;
    /** Default `warning`. */
    readonly minSeverity?: Severity | undefined;
    /** Where a group starts that never was there before: `latest` (default) with what is published from now on, `earliest` with all that is kept. */
    readonly from?: 'latest' | 'earliest' | undefined;
    /** Where warnings go. Default: `process.emitWarning`. */
    readonly warn?: ((message: string) => void) | undefined;
  };

export interface AlertSubscription {
  /** Lets the alerts under way be handled, and leaves the group. Idempotent. A handler must not wait for it: it waits for the handler. */
  close(): Promise<void>;
  /** Resolves when the subscription was closed; rejects with what ended it. Attach to it: where nobody does, a fault is an unhandled rejection. */
  readonly done: Promise<void>;
}

/**
 * Hands alerts to `handle`, in the order of each partition, from where the group stands; partitions run beside each other.
 *
 * - At least once: an alert is done with when what `handle` answers has resolved, and may come again after a crash or when partitions change hands.
 *   `alertId` and `revision` together name a publication; the highest revision of an id is the one in force.
 * - A handler that throws is called again with the same alert, after 0.2 s, then twice as long each time, 30 s at most: for ever, or `attempts`
 *   times; then `done` rejects and the alert is the next subscriber's.
 * - Alerts below `minSeverity` are passed over, also where an earlier revision was above it: with `info` one hears of alerts that were withdrawn too.
 *   A severity that this version does not know is delivered.
 * - Only what was committed is read. What is no alert goes to `onInvalid` and is passed over.
 * - A cluster or registry that goes away is waited for.
 *
 * Resolves when the group's position is settled: what is published from then on is delivered. Rejects with IdemtraceError `invalid_option`, with
 * `LogError` (`log_away`, `unknown_topic`, `not_allowed`) or `RegistryError` (`away`, `not_allowed`, `no_registry`) where it cannot begin. Needs `kafkajs`
 * and `@kafkajs/confluent-schema-registry` beside the SDK, and permission to read the topic and the group.
 */
export async function subscribeToAlerts(
  options: AlertSubscriptionOptions,
  handle: (alert: Alert) => Promise<void> | void,
): Promise<AlertSubscription> {
  const { group, topic = 'idemtrace.alerts', from = 'latest', warn = emitWarning } = options;
  const { attempts = Number.POSITIVE_INFINITY, minSeverity = 'warning' } = options;
  if (group === '') throw new IdemtraceError('invalid_option', 'the group has no name');
  if (!(attempts >= 1)) throw new IdemtraceError('invalid_option', 'attempts is no number from 1');
  if (!SEVERITIES.includes(minSeverity)) throw new IdemtraceError('invalid_option', `minSeverity is none of ${SEVERITIES.join(', ')}`);
  const client = clientOptions(options);
  const codec = await createCodec({ registry: registryOf(options), expect: ['Alert'] });
  const log = await openKafkaLog(client);
  const onInvalid =
    options.onInvalid ??
    (({ partition, offset, detail }) =>
      warn(`record ${offset} of partition ${partition} of ${topic} is no alert, and is passed over: ${detail}`));
  const delivery = new Delivery(codec, { handle, attempts, minSeverity, onInvalid, warn });
  try {
    await settle(client, log, { topic, group, from });
    const subscription = await log.subscribe({ topic, group, maxRecords: 100, readOnly: true }, (partition, batch) =>
      delivery.deliver(partition, batch),
    );
    return {
      async close() {
        delivery.stop();
        await log.close();
      },
      done: subscription.done.finally(() => log.close()),
    };
  } catch (error) {
    await log.close();
    throw error;
  }
}

async function settle(
  client: ReturnType<typeof clientOptions>,
  log: EventLog,
  { topic, group, from }: { readonly topic: string; readonly group: string; readonly from: 'latest' | 'earliest' },
): Promise<void> {
  const count = await log.partitionsOf(topic);
  const connection = connectionTo(client);
  try {
    await placeGroup(connection, { topic, group, partitions: Array.from({ length: count }, (_, partition) => partition), from });
  } finally {
    await connection.close();
  }
}

function emitWarning(message: string): void {
  process.emitWarning(`idemtrace: ${message}`, { type: 'IdemtraceWarning', code: 'IDEMTRACE_ALERTS' });
}

/** What a program of the user's says of the cluster and the registry that it works with. */
import { RegistryError, type SchemaRegistry } from '@idemtrace/schemas';
import { type ConfluentRegistryOptions, confluentRegistry } from '@idemtrace/schemas/confluent';
import type { KafkaReport, KafkaSasl, KafkaTls } from '@idemtrace/stream/kafka';
import { IdemtraceError } from '../errors.ts';

export interface KafkaConnectionOptions {
  /** Addresses to start from, `host:port`. */
  readonly brokers: readonly string[];
  /** Name that the brokers know this program by. Default `idemtrace`. */
  readonly clientId?: string | undefined;
  /** `true`: with the system's authorities. */
  readonly tls?: boolean | KafkaTls | undefined;
  readonly sasl?: KafkaSasl | undefined;
  /** Told what the Kafka client has to say, for debugging: no record, no password. */
  readonly report?: KafkaReport | undefined;
}

/** The schema registry by its URL; by `registry` where it asks for a user or a certificate, or is one of your own. */
export type RegistryChoice =
  | { readonly registryUrl: string; readonly registry?: undefined }
  | { readonly registry: ConfluentRegistryOptions | SchemaRegistry; readonly registryUrl?: undefined };

/** Throws IdemtraceError `invalid_option` where none can be made of it. */
export function registryOf({ registryUrl, registry }: RegistryChoice): SchemaRegistry {
  const options = registry ?? (registryUrl === undefined ? undefined : { url: registryUrl });
  if (options === undefined) throw new IdemtraceError('invalid_option', 'no schema registry is given: give registryUrl or registry');
  if ('schemaById' in options) return options;
  try {
    return confluentRegistry(options);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw new IdemtraceError('invalid_option', error.message, { cause: error });
  }
}

/** As the event log takes it: without what is undefined. Throws IdemtraceError `invalid_option` where no broker is named. */
export function clientOptions({ brokers, clientId, tls, sasl, report }: KafkaConnectionOptions): {
  readonly brokers: readonly string[];
  readonly clientId?: string;
  readonly tls?: boolean | KafkaTls;
  readonly sasl?: KafkaSasl;
  readonly report?: KafkaReport;
} {
  if (brokers.length === 0) throw new IdemtraceError('invalid_option', 'no broker is named: give at least one host:port');
  return {
    brokers,
    ...(clientId !== undefined && { clientId }),
    ...(tls !== undefined && { tls }),
    ...(sasl !== undefined && { sasl }),
    ...(report !== undefined && { report }),
  };
}

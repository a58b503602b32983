/** What is configured of a Kafka client, in one place: the event log and whoever else builds a client read it from here. */
import type { ConnectionOptions } from 'node:tls';
import { type KafkaConfig, type LogEntry, logLevel, type RetryOptions, type SASLOptions } from 'kafkajs';

/** Told what the client has to say. Its messages hold no record, no password, no token. */
export type KafkaReport = (level: 'info' | 'warn' | 'error', message: string) => void;

export interface KafkaSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** PEM texts; what is left out is the system's: its authorities, no certificate of our own. */
export interface KafkaTls {
  readonly ca?: string | readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  readonly servername?: string;
}

export interface KafkaClientOptions {
  /** Addresses to start from, `host:port`. */
  readonly brokers: readonly string[];
  /** Name that the brokers know this program by. Default `idemtrace`. */
  readonly clientId?: string;
  readonly tls?: boolean | KafkaTls;
  readonly sasl?: KafkaSasl;
  readonly report?: KafkaReport;
}

export interface KafkaLogOptions extends KafkaClientOptions {
  /** Of what this log writes; what others wrote is read in either, and in zstd. Default `none`. */
  readonly compression?: 'none' | 'gzip';
  /** A transaction that its producer left open is aborted by the cluster after this long, ms. Default 10,000. */
  readonly transactionTimeoutMs?: number;
  /** A member of a group that shows no sign of life for so long loses its partitions, ms; brokers take 6,000 or more. Default 8,000. */
  readonly sessionTimeoutMs?: number;
  /** Replicas of the partitions of topics that are created. Default: the cluster's own. */
  readonly replicationFactor?: number;
  /** Replicas that must have a record before it counts as written, of topics that are created. Default: the cluster's own. */
  readonly minInsyncReplicas?: number;
}

/** Short enough that a caller hears within seconds that the cluster is away: waiting for it is the caller's choice. */
const retry: RetryOptions = { initialRetryTime: 50, multiplier: 2, factor: 0.2, maxRetryTime: 1000, retries: 6 };

/**
 * A transaction begun right after a commit is often answered CONCURRENT_TRANSACTIONS for some milliseconds: kafkajs' default of 300 ms before
 * its first retry would be the length of most transactions.
 */
export const transactionalRetry: RetryOptions = { initialRetryTime: 5, multiplier: 2, factor: 0.2, maxRetryTime: 500, retries: 12 };

/** The configuration of a kafkajs client (`new Kafka(…)`) that connects as the event log does. */
export function kafkaSettings(options: KafkaClientOptions): KafkaConfig {
  const { brokers, clientId = 'idemtrace', tls, sasl } = options;
  return {
    brokers: [...brokers],
    clientId,
    connectionTimeout: 3000,
    authenticationTimeout: 5000,
    requestTimeout: 10_000,
    retry: { ...retry },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => report(entry, options),
    ...(tls !== undefined && tls !== false && { ssl: tls === true ? true : secureContext(tls) }),
    ...(sasl !== undefined && { sasl: { ...sasl } as SASLOptions }),
  };
}

function secureContext({ ca, ...rest }: KafkaTls): ConnectionOptions {
  return { ...rest, ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }) };
}

/** True of every idempotent producer with an end to its retries: ours is thrown away after a failure (see Appender). */
const knownWarning = 'Limiting retries for the idempotent producer';

function report({ namespace, level, log }: LogEntry, { report: tell, sasl }: KafkaClientOptions): void {
  if (tell === undefined || log.message.startsWith(knownWarning)) return;
  const detail = typeof log.error === 'string' && log.error !== log.message ? `: ${log.error}` : '';
  const text = `Kafka client, ${namespace}: ${log.message}${detail}`;
  const safe = sasl === undefined || sasl.password === '' ? text : text.replaceAll(sasl.password, '…');
  // An answer that refuses a request is thrown to whoever asked, who may well have expected it.
  const isAnswer = log.correlationId !== undefined;
  tell(isAnswer ? 'info' : level === logLevel.ERROR ? 'error' : level === logLevel.WARN ? 'warn' : 'info', safe);
}

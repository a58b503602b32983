/** What a fault of kafkajs means here. Nobody matches the text of its messages: its names and the protocol's error types are what is read. */
import { LogError, type LogErrorCode } from '../errors.ts';

/**
 * - `fenced`: another producer took the transactional id, or the group goes on without this member
 * - `rebalancing`: the member must join the group anew; its generation still holds
 * - `stale`: another broker is asked by now, or the broker asks for a moment; trying again with fresh metadata helps
 * - `spent`: the cluster forgot the producer (its transactional id expired), or its sequence broke off; a new one starts afresh
 * - `away`: no broker answered
 */
export type FaultKind =
  | 'fenced'
  | 'rebalancing'
  | 'stale'
  | 'spent'
  | 'away'
  | 'out_of_range'
  | 'unknown_topic'
  | 'too_large'
  | 'not_allowed'
  | 'fault';

const KINDS: Readonly<Record<string, FaultKind>> = {
  INVALID_PRODUCER_EPOCH: 'fenced',
  TRANSACTION_COORDINATOR_FENCED: 'fenced',
  UNKNOWN_MEMBER_ID: 'fenced',
  ILLEGAL_GENERATION: 'fenced',
  FENCED_INSTANCE_ID: 'fenced',
  REBALANCE_IN_PROGRESS: 'rebalancing',
  OFFSET_OUT_OF_RANGE: 'out_of_range',
  UNKNOWN_TOPIC_OR_PARTITION: 'unknown_topic',
  INVALID_TOPIC_EXCEPTION: 'unknown_topic',
  MESSAGE_TOO_LARGE: 'too_large',
  RECORD_LIST_TOO_LARGE: 'too_large',
  BROKER_NOT_AVAILABLE: 'stale',
  INVALID_PRODUCER_ID_MAPPING: 'spent',
  INVALID_TXN_STATE: 'spent',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'spent',
  UNKNOWN_PRODUCER_ID: 'spent',
  DUPLICATE_SEQUENCE_NUMBER: 'spent',
  TOPIC_AUTHORIZATION_FAILED: 'not_allowed',
  GROUP_AUTHORIZATION_FAILED: 'not_allowed',
  CLUSTER_AUTHORIZATION_FAILED: 'not_allowed',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'not_allowed',
  SASL_AUTHENTICATION_FAILED: 'not_allowed',
  UNSUPPORTED_SASL_MECHANISM: 'not_allowed',
  ILLEGAL_SASL_STATE: 'not_allowed',
  KafkaJSSASLAuthenticationError: 'not_allowed',
  KafkaJSConnectionError: 'away',
  KafkaJSConnectionClosedError: 'away',
  KafkaJSRequestTimeoutError: 'away',
  KafkaJSBrokerNotFound: 'away',
  KafkaJSNoBrokerAvailableError: 'away',
  KafkaJSGroupCoordinatorNotFound: 'away',
  KafkaJSMetadataNotLoaded: 'away',
  KafkaJSTopicMetadataNotLoaded: 'away',
  KafkaJSTimeout: 'away',
  KafkaJSLockTimeout: 'away',
};

/** PRODUCER_FENCED: kafkajs' table of errors ends before it. */
const PRODUCER_FENCED = 90;

/** The fault that kafkajs wrapped, once or more. */
function* causesOf(error: unknown): Generator<Error & { readonly type?: unknown; readonly code?: unknown; readonly retriable?: unknown }> {
  const seen = new Set<unknown>();
  for (let at = error; at instanceof Error && !seen.has(at); at = at.cause) {
    seen.add(at);
    yield at;
    if (at.name === 'KafkaJSAggregateError' && 'errors' in at && Array.isArray(at.errors))
      for (const one of at.errors) yield* causesOf(one);
  }
}

export function kindOf(error: unknown): FaultKind {
  for (const cause of causesOf(error)) {
    const kind = KINDS[String(cause.type)] ?? KINDS[cause.name];
    if (kind !== undefined) return kind;
    if (cause.code === PRODUCER_FENCED) return 'fenced';
    if (typeof cause.type === 'string' && cause.retriable === true) return 'stale';
  }
  for (const cause of causesOf(error)) if (cause.name === 'KafkaJSError' && cause.retriable === true) return 'away';
  return error instanceof LogError ? (OF_OURS[error.code] ?? 'fault') : 'fault';
}

/** Of faults that began here, without one of kafkajs behind them. */
const OF_OURS: Readonly<Partial<Record<LogErrorCode, FaultKind>>> = {
  fenced: 'fenced',
  log_away: 'away',
  unknown_topic: 'unknown_topic',
  record_too_large: 'too_large',
  not_allowed: 'not_allowed',
};

/** Partition that a fetch asked out of its range for. */
export function partitionOutOfRange(error: unknown): number | undefined {
  for (const cause of causesOf(error)) if ('partition' in cause && typeof cause.partition === 'number') return cause.partition;
  return undefined;
}

/** As a fault that callers of the port can tell apart; what has no code there is passed on. */
export function toLogError(error: unknown, what: string): unknown {
  if (error instanceof LogError) return error;
  const reason = `${what}: ${error instanceof Error ? error.message : String(error)}`;
  switch (kindOf(error)) {
    case 'fenced':
      return new LogError('fenced', `${reason}. Another owner took over: stop working on it.`, { cause: error });
    case 'rebalancing':
    case 'stale':
    case 'spent':
    case 'away':
      return new LogError('log_away', `${reason}. Kafka cannot be used now: it is tried again.`, { cause: error });
    case 'unknown_topic':
      return new LogError('unknown_topic', `${reason}. Create the topic first.`, { cause: error });
    case 'too_large':
      return new LogError('record_too_large', `${reason}. Raise max.message.bytes of the topic, or send less.`, { cause: error });
    case 'not_allowed':
      return new LogError('not_allowed', `${reason}. Check the user, its password and its permissions.`, { cause: error });
    case 'out_of_range':
    case 'fault':
      return error;
  }
}

/** Faults of the Redis windows. */

export type RedisWindowsErrorCode =
  /** Redis does not answer, or not now. What was asked may have happened: asking again is harmless. */
  | 'away'
  /** It refuses the user. */
  | 'denied'
  /** It may throw facts away. */
  | 'evicts_keys'
  /** It answers what no Redis should. */
  | 'redis_fault';

export class RedisWindowsError extends Error {
  override readonly name = 'RedisWindowsError';
  readonly code: RedisWindowsErrorCode;
  constructor(code: RedisWindowsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** First words of errors that Redis answers while it cannot serve: it, or another node in its place, may later. */
const PASSING =
  /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|OOM|MISCONF|NOREPLICAS|MOVED|ASK|UNBLOCKED|ERR max number of clients)\b/;
const DENIED = /^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid password)\b/;

/** The driver's error as one of ours. An answer of Redis is told by its first word; all else is its absence. */
export function faultOf(error: unknown): RedisWindowsError {
  if (error instanceof RedisWindowsError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const isAnswer = error instanceof Error && error.name === 'ReplyError';
  const cause = { cause: error };
  if (DENIED.test(message))
    return new RedisWindowsError(
      'denied',
      `Redis refuses the user: ${firstWord(message)}. Check redis.username and redis.password.`,
      cause,
    );
  if (isAnswer && !PASSING.test(message))
    return new RedisWindowsError('redis_fault', `Redis answered ${JSON.stringify(message.slice(0, 200))}.`, cause);
  return new RedisWindowsError('away', `Redis does not serve now: ${message.slice(0, 200)}`, cause);
}

function firstWord(message: string): string {
  return message.split(' ', 1)[0] ?? '';
}

/**
 * - `unknown_topic`: there is no topic of that name
 * - `partition_mismatch`: a topic has another number of partitions than the caller needs
 * - `fenced`: the caller is no longer the owner of the partition
 * - `log_away`: the log cannot be reached or used now; trying again later may help
 * - `record_too_large`: the log takes no record of that size
 * - `log_full`: no room for more records
 * - `unsupported_log`: what is there is no log of ours, or one of a newer version
 * - `not_allowed`: the log refuses this client, or what it asks for: wrong credentials, or a permission that is missing
 * - `closed`: the log, or this view of it, was closed
 */
export type LogErrorCode =
  | 'unknown_topic'
  | 'partition_mismatch'
  | 'fenced'
  | 'log_away'
  | 'record_too_large'
  | 'log_full'
  | 'unsupported_log'
  | 'not_allowed'
  | 'closed';

/** A fault of the log that a caller can tell by its code. Its message never holds anything of a record. */
export class LogError extends Error {
  override readonly name = 'LogError';
  readonly code: LogErrorCode;
  constructor(code: LogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

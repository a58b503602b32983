export type IdemtraceErrorCode =
  /** A run names no tenant or workflow, or an id that is none. */
  | 'invalid_scope'
  /** A run inside another run names another tenant. */
  | 'tenant_mismatch'
  /** A tool or data source without a usable name. */
  | 'invalid_name'
  /** An option has a value that cannot be used. */
  | 'invalid_option'
  /** A handler of alerts failed as often as it may. */
  | 'handler_failed';

/** A mistake in how the SDK is used, thrown where it is made: never from an observed tool. Tell errors apart by `code`. */
export class IdemtraceError extends Error {
  override readonly name = 'IdemtraceError';
  readonly code: IdemtraceErrorCode;
  constructor(code: IdemtraceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A number that events can carry as an int: whole, from `least`. Throws IdemtraceError. */
export function requireWhole(code: IdemtraceErrorCode, what: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least && value < 2 ** 31) return value;
  throw new IdemtraceError(code, `${what} is a whole number from ${least}`);
}

const NOT_EXECUTED = Symbol.for('idemtrace.not-executed');

/** To be thrown by a tool that surely had no effect, e.g. because it refused its input: its outcome is `failed`, not `unknown`. */
export class NotExecutedError extends Error {
  override readonly name: string = 'NotExecutedError';
  readonly [NOT_EXECUTED] = true;
}

/** Across copies of the package too, which `instanceof` would tell apart. */
export function isNotExecuted(error: unknown): boolean {
  return typeof error === 'object' && error !== null && NOT_EXECUTED in error;
}

/** Why a batch was not taken, for transports: see `Transport.send`. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  /** Whether the same batch may be taken when it is sent again. */
  declare readonly retriable: boolean;
  /** Whether a part of the batch may be taken: one event, or its size, is what the receiver refused. */
  declare readonly divisible: boolean;
  /** How long the receiver asks to be left alone, in milliseconds. */
  declare readonly retryAfterMs: number | undefined;
  constructor(
    message: string,
    options: ErrorOptions & { readonly retriable: boolean; readonly divisible?: boolean; readonly retryAfterMs?: number | undefined },
  ) {
    super(message, options);
    Object.assign(this, options);
  }
}

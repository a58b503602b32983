/**
 * - `not_installed`: a program that a service needs is missing, and could not be installed
 * - `not_started`: a service did not become ready
 * - `not_running`: what was asked of a service needs it to run
 */
export type LocalServiceErrorCode = 'not_installed' | 'not_started' | 'not_running';

/** A service of this machine cannot do what was asked; the message says what to do. */
export class LocalServiceError extends Error {
  override readonly name = 'LocalServiceError';
  readonly code: LocalServiceErrorCode;
  constructor(code: LocalServiceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

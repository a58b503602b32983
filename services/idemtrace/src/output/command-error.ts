/** A command that ends with a message for its user, not with a stack: what is wrong, where, and what to do. */

/** Exit codes of the program. */
export const EXIT = {
  ok: 0,
  /** The command ran, and what it looked at is not in order: a check failed, a policy has mistakes. */
  findings: 1,
  /** The command could not be understood: unknown option, missing argument, bad configuration or input file. */
  usage: 2,
  /** Something that the command needs is missing, away or in use. */
  unavailable: 3,
  /** A fault of idemtrace itself. */
  fault: 70,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

/** Stable codes, each with the exit code that it ends the program with. */
const EXIT_OF = {
  invalid_config: EXIT.usage,
  invalid_policy: EXIT.usage,
  invalid_input: EXIT.usage,
  invalid_data: EXIT.unavailable,
  not_found: EXIT.findings,
  engine_unavailable: EXIT.unavailable,
  data_in_use: EXIT.unavailable,
  service_away: EXIT.unavailable,
  not_set_up: EXIT.unavailable,
  unsupported_node: EXIT.unavailable,
} as const;

export type CommandErrorCode = keyof typeof EXIT_OF;

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: CommandErrorCode;
  constructor(code: CommandErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get exitCode(): number {
    return EXIT_OF[this.code];
  }
}

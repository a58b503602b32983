/** What a command is given: the configuration, a screen, a logger, a signal that ends it. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { destination, pino } from 'pino';
import { type Config, formatConfigMistakes, type Origins, resolveConfig } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';
import { createScreen, type Screen } from '../output/screen.ts';
import { embedded } from '../pipeline/adapters.ts';
import type { Logger } from '../pipeline/pipeline.ts';

/** Options that every command takes. */
export interface CommonOptions {
  readonly config?: string;
  readonly data?: string;
  readonly policy?: string;
  readonly json?: boolean;
  /** On the configured services, though a data folder is named. */
  readonly real?: boolean;
}

export interface Context {
  readonly screen: Screen;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the command was called: relative paths start here. */
  readonly cwd: string;
  /** Aborted by Ctrl-C or a request to end. */
  readonly signal: AbortSignal;
}

export interface Configured {
  readonly config: Config;
  readonly origins: Origins;
  readonly logger: Logger;
}

const CONFIG_FILE = 'idemtrace.yaml';

/** pnpm runs a root script in the workspace's folder and says in INIT_CWD where it was called. */
export function createContext(signal: AbortSignal): Context {
  const { env } = process;
  return {
    screen: createScreen({ stdout: process.stdout, stderr: process.stderr, env, clock: Date.now }),
    env,
    cwd: env.INIT_CWD ?? process.cwd(),
    signal,
  };
}

/**
 * Resolves the configuration; throws a CommandError that lists every mistake. A data folder that is named on the command line is what is meant,
 * whatever services are configured.
 */
export function configure(
  { env, cwd, screen }: Context,
  options: CommonOptions,
  flags: Readonly<Record<string, string | undefined>> = {},
): Configured {
  const path = configFile(env, cwd, options.config);
  const file = path === undefined ? undefined : { path, text: readText(path) };
  const resolved = resolveConfig({
    ...(file !== undefined && { file }),
    env,
    flags: { dataDir: options.data, policy: options.policy, ...flags },
    cwd,
    readFile: (name) => readFileSync(name, 'utf8'),
  });
  if (!resolved.ok) throw new CommandError('invalid_config', formatConfigMistakes(resolved.mistakes));
  for (const note of resolved.notes) screen.note(note);
  const config = options.data === undefined || options.real === true ? resolved.config : embedded(resolved.config);
  return { config, origins: resolved.origins, logger: createLogger(config.log.level) };
}

function configFile(env: Context['env'], cwd: string, named: string | undefined): string | undefined {
  const explicit = named ?? env.IDEMTRACE_CONFIG;
  if (explicit !== undefined && explicit !== '') return resolve(cwd, explicit);
  const usual = join(cwd, CONFIG_FILE);
  return existsSync(usual) ? usual : undefined;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError('invalid_config', `The configuration ${path} cannot be read: ${reason}`, { cause: error });
  }
}

/** Resolves at Ctrl-C or a request to end. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Log lines are JSON on standard error, for machines; what a person at the terminal reads goes to the screen. */
function createLogger(level: string): Logger {
  return pino({ level, base: { service: 'idemtrace' } }, destination({ fd: 2, sync: true }));
}

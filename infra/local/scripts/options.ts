/** What the three scripts take from their command line. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type StackName, stackNames } from '../src/stack/index.ts';

export interface ScriptOptions {
  readonly stateFolder: string;
  readonly names: readonly StackName[];
}

/** Ends the process with exit code 2 on a bad call. */
export function scriptOptions(script: string): ScriptOptions {
  try {
    const { values } = parseArgs({ options: { only: { type: 'string' }, state: { type: 'string' } } });
    return { stateFolder: resolve(values.state ?? '.idemtrace/services'), names: stackNames(values.only) };
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    console.error(`usage: pnpm ${script} [--only kafka,redis] [--state FOLDER (default .idemtrace/services)]`);
    process.exit(2);
  }
}

/** `idemtrace config print | table`. */
import { printConfigWithOrigins, settingsTable } from '../config/index.ts';
import { EXIT } from '../output/command-error.ts';
import { type CommonOptions, type Context, configure } from './context.ts';

export async function printCommand(context: Context, options: CommonOptions): Promise<number> {
  const { config, origins } = configure(context, options);
  context.screen.print(printConfigWithOrigins(config, origins).trimEnd());
  return EXIT.ok;
}

export async function tableCommand(context: Context): Promise<number> {
  context.screen.print(settingsTable().trimEnd());
  return EXIT.ok;
}

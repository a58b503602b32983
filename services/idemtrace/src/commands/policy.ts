/** `idemtrace policy check | compile`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { compilePolicy, formatMistakes, readPolicy } from '@idemtrace/detector/policy';
import { CommandError, EXIT } from '../output/command-error.ts';
import type { Context } from './context.ts';

function read(context: Context, file: string): string {
  const path = resolve(context.cwd, file);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError('invalid_input', `The policy ${path} cannot be read: ${reason}`, { cause: error });
  }
}

export async function checkCommand(context: Context, file: string, { json = false }: { json?: boolean }): Promise<number> {
  const { screen } = context;
  const text = read(context, file);
  const result = readPolicy(text);
  if (json) {
    screen.print(JSON.stringify(result.ok ? { ok: true, version: result.policy.version, notes: result.notes } : result));
  } else if (result.ok) {
    if (result.notes.length > 0) screen.print(formatMistakes(file, text, result.notes));
    const { version, tools, dataSources } = result.policy;
    screen.print(`${file}: version ${version}, ${tools.length} tool entries, ${dataSources.length} data source entries, no mistakes.`);
  } else {
    screen.print(formatMistakes(file, text, result.mistakes));
    const total = result.mistakes.reduce((sum, { count = 1 }) => sum + count, 0);
    screen.print(`${file}: ${total} ${total === 1 ? 'mistake' : 'mistakes'}.`);
  }
  return result.ok ? EXIT.ok : EXIT.findings;
}

export async function compileCommand(context: Context, file: string, { output }: { output?: string }): Promise<number> {
  const text = read(context, file);
  const result = readPolicy(text);
  if (!result.ok) throw new CommandError('invalid_policy', formatMistakes(file, text, result.mistakes));
  const compiled = compilePolicy(result.policy);
  if (output === undefined) context.screen.print(compiled.trimEnd());
  else writeFileSync(resolve(context.cwd, output), compiled);
  return EXIT.ok;
}

/** What the tests of docker-compose.yml and infra/kubernetes share: the program's own view of what is written in them. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveConfig } from '../../services/idemtrace/src/config/index.ts';

export const ROOT = join(import.meta.dirname, '../..');

export const fileText = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** What idemtrace says of an environment: its mistakes, as it would print them. Files that hold secrets are given as well. */
export function mistakesOf(env: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}): readonly string[] {
  const readFile = (path: string) => {
    const text = files[path];
    if (text === undefined) throw new Error(`${path} is not mounted`);
    return text;
  };
  const resolved = resolveConfig({ env, cwd: '/tmp', readFile });
  return resolved.ok ? [] : resolved.mistakes.map(({ origin, path, message }) => `${origin} ${path ?? ''} ${message}`);
}

/** Whether the command line has the command, e.g. `lineage migrate`. */
export function isCommand(command: string): Promise<boolean> {
  return new Promise((resolve) => {
    const args = [join(ROOT, 'services/idemtrace/src/bin.ts'), ...command.split(' '), '--help'];
    const child = execFile(process.execPath, args, (_, stdout) => {
      resolve(child.exitCode === 0 && stdout.startsWith(`Usage: idemtrace ${command}`));
    });
  });
}

/** Commands of a shell line such as `idemtrace topics create && idemtrace lineage migrate`. */
export function commandsOfLine(line: string): readonly string[] {
  return line.split('&&').map((part) => part.trim().replace(/^idemtrace /, ''));
}

/** Programs that services are: found on this machine, else installed where that can be done without asking. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, globSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { LocalServiceError } from './error.ts';
import { withLock } from './lock.ts';

const run = promisify(execFile);

export interface Program {
  readonly name: string;
  /** Debian's package of it. */
  readonly debianPackage: string;
  /** Places beside PATH where it may be, as glob patterns; the last match is the newest. */
  readonly places?: readonly string[];
}

export const JAVA: Program = { name: 'java', debianPackage: 'openjdk-17-jdk-headless' };
export const MAVEN: Program = { name: 'mvn', debianPackage: 'maven' };
export const REDIS_SERVER: Program = { name: 'redis-server', debianPackage: 'redis-server' };
export const OPENSSL: Program = { name: 'openssl', debianPackage: 'openssl' };
export const POSTGRES: Program = { name: 'postgres', debianPackage: 'postgresql', places: ['/usr/lib/postgresql/*/bin'] };
export const INITDB: Program = { name: 'initdb', debianPackage: 'postgresql', places: ['/usr/lib/postgresql/*/bin'] };

/** Path of the program. On Debian, as root, a missing one is installed; elsewhere throws LocalServiceError `not_installed`. */
export async function program(wanted: Program): Promise<string> {
  return find(wanted) ?? install(wanted);
}

function find({ name, places = [] }: Program): string | undefined {
  const javaHome = name === 'java' && process.env.JAVA_HOME !== undefined ? [join(process.env.JAVA_HOME, 'bin')] : [];
  const folders = [
    ...javaHome,
    ...globSync([...places])
      .sort()
      .reverse(),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function install(wanted: Program): Promise<string> {
  const advice = `install it (Debian: \`apt-get install ${wanted.debianPackage}\`) and start again`;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new LocalServiceError('not_installed', `${wanted.name} is not on this machine: ${advice}.`);
  }
  return withLock(join(tmpdir(), 'idemtrace-apt.lock'), async () => {
    const installed = find(wanted);
    if (installed !== undefined) return installed;
    // RUNLEVEL: a package that is a service must not start one of its own at install.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    try {
      await run('apt-get', ['update', '-qq'], { env });
      await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', wanted.debianPackage], { env });
    } catch (error) {
      throw new LocalServiceError('not_installed', `${wanted.name} could not be installed by apt-get: ${advice}.`, { cause: error });
    }
    const found = find(wanted);
    if (found === undefined) {
      throw new LocalServiceError('not_installed', `Debian's package ${wanted.debianPackage} brought no ${wanted.name}: ${advice}.`);
    }
    return found;
  });
}

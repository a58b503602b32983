/** PostgreSQL. */
import { execFile } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LocalServiceError } from './error.ts';
import { freePorts } from './ports.ts';
import { isPostgresReady } from './postgres-probe.ts';
import { INITDB, POSTGRES, program } from './programs.ts';
import { type Service, type ServiceOptions, serviceFolder, startService } from './service.ts';

const run = promisify(execFile);

export interface PostgresOptions extends ServiceOptions {
  readonly port?: number;
  /** Further settings of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface Postgres extends Service {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly database: string;
  /** `postgresql://user@host:port/database`; whoever reaches the loopback is let in. */
  readonly url: string;
}

const USERNAME = 'idemtrace';
const DATABASE = 'postgres';

/** Starts a server and resolves when it takes queries. As root it runs as the user `postgres`. Throws LocalServiceError. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const [file, initdb] = [await program(POSTGRES), await program(INITDB)];
  const user = await serverUser();
  const { folder, isPassing } = serviceFolder('postgres', options);
  const port = options.port ?? (await freePorts(['postgres'])).postgres;
  const data = join(folder, 'data');
  if (!existsSync(join(data, 'PG_VERSION'))) {
    mkdirSync(data, { recursive: true, mode: 0o700 });
    if (user !== undefined) chownSync(data, user.uid, user.gid);
    const init = asUser(user, initdb, ['-D', data, '-U', USERNAME, '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']);
    await run(init.file, init.args, { cwd: folder, env: { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8' } });
  }
  const settings = {
    port: String(port),
    listen_addresses: "'127.0.0.1'",
    unix_socket_directories: "''",
    shared_buffers: '32MB',
    ...options.settings,
  };
  const own = Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
  writeFileSync(join(data, 'postgresql.auto.conf'), own);
  const service = await startService({
    name: 'postgres',
    folder,
    isPassing,
    isDetached: options.detached ?? false,
    command: asUser(user, file, ['-D', data]),
    isReady: () => isPostgresReady(port, USERNAME, DATABASE),
    // "Fast": ends sessions instead of waiting for them.
    stopSignal: 'SIGINT',
  });
  const url = `postgresql://${USERNAME}@127.0.0.1:${port}/${DATABASE}`;
  return Object.assign(service, { host: '127.0.0.1', port, username: USERNAME, database: DATABASE, url });
}

interface Server {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root. Undefined where this is not root. */
async function serverUser(): Promise<Server | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const id = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout);
  try {
    return { uid: await id('-u'), gid: await id('-g') };
  } catch (error) {
    throw new LocalServiceError('not_installed', 'PostgreSQL refuses to run as root, and there is no user `postgres`: add one.', {
      cause: error,
    });
  }
}

/** The command as that user, who may enter folders that are root's alone: a service's folder may be anywhere. */
function asUser(
  user: Server | undefined,
  file: string,
  args: readonly string[],
): { readonly file: string; readonly args: readonly string[] } {
  if (user === undefined) return { file, args };
  const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  return { file: 'setpriv', args: [...ids, '--inh-caps=+dac_override', '--ambient-caps=+dac_override', file, ...args] };
}

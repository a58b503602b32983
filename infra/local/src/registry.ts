/** Apicurio 2.6.13, a schema registry that speaks Confluent's API. */
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from './cache.ts';
import { copyArtifact } from './maven.ts';
import { freePorts } from './ports.ts';
import { JAVA, program } from './programs.ts';
import { type Service, type ServiceOptions, serviceFolder, startService } from './service.ts';

export const REGISTRY_VERSION = '2.6.13.Final';

const run = promisify(execFile);
const ARTIFACT = { group: 'io.apicurio', name: 'apicurio-registry-app', version: REGISTRY_VERSION, type: 'tar.gz', classifier: 'all' };
const PATH = '/apis/ccompat/v7';
const PROBE_TIMEOUT_MS = 2_000;

export interface RegistryOptions extends ServiceOptions {
  readonly port?: number;
  /** Keeps the schemas in a file of its folder, over restarts. Default: in memory, so that a restart forgets them. */
  readonly durable?: boolean;
}

export interface Registry extends Service {
  readonly url: string;
  readonly port: number;
}

/** Starts a registry and resolves when it answers. Throws LocalServiceError. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const { java, app } = await installRegistry();
  const { folder, isPassing } = serviceFolder('registry', options);
  const port = options.port ?? (await freePorts(['http'])).http;
  const url = `http://127.0.0.1:${port}${PATH}`;
  // Without a delay: what was answered is in the file, also where the registry is killed right after.
  const environment = options.durable === true ? { REGISTRY_DATASOURCE_URL: `jdbc:h2:file:${join(folder, 'schemas')};WRITE_DELAY=0` } : {};
  const passing = join(folder, 'tmp');
  mkdirSync(passing, { recursive: true });
  const service = await startService({
    name: 'registry',
    folder,
    isPassing,
    isDetached: options.detached ?? false,
    command: {
      file: java,
      args: [
        '-Xmx384m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-Dquarkus.http.host=127.0.0.1',
        `-Dquarkus.http.port=${port}`,
        `-Djava.io.tmpdir=${passing}`,
        '-cp',
        join(app, '*'),
        'io.quarkus.runner.GeneratedMain',
      ],
      environment,
    },
    isReady: async () => (await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) })).ok,
  });
  return Object.assign(service, { url, port });
}

/** Java and the registry's jars, fetched where they are missing. */
export async function installRegistry(): Promise<{ readonly java: string; readonly app: string }> {
  const [java, app] = await Promise.all([program(JAVA), cached(`apicurio-registry-${REGISTRY_VERSION}`, unpack)]);
  return { java, app };
}

async function unpack(folder: string): Promise<void> {
  await copyArtifact(ARTIFACT, folder);
  const archive = join(folder, `${ARTIFACT.name}-${ARTIFACT.version}-${ARTIFACT.classifier}.${ARTIFACT.type}`);
  await run('tar', ['-xzf', archive, '-C', folder]);
  rmSync(archive);
}

/** Artifacts of Maven's central repository, through Maven. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LocalServiceError } from './error.ts';
import { MAVEN, program } from './programs.ts';

const run = promisify(execFile);
const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';

export interface Artifact {
  readonly group: string;
  readonly name: string;
  readonly version: string;
  readonly type?: string;
  readonly classifier?: string;
}

/** Copies the jars of `artifacts` and of all they depend on into `folder`. */
export async function copyJars(artifacts: readonly Artifact[], folder: string): Promise<void> {
  const pom = join(folder, 'pom.xml');
  writeFileSync(pom, project(artifacts));
  await maven(['-f', pom, `${PLUGIN}:copy-dependencies`, `-DoutputDirectory=${join(folder, 'jars')}`, '-DincludeScope=runtime']);
}

/** Copies one artifact's file, without what it depends on, into `folder`. */
export async function copyArtifact({ group, name, version, type = 'jar', classifier = '' }: Artifact, folder: string): Promise<void> {
  const coordinates = [group, name, version, type, classifier].join(':');
  const pom = join(folder, 'pom.xml');
  writeFileSync(pom, project([]));
  await maven(['-f', pom, `${PLUGIN}:copy`, `-Dartifact=${coordinates}`, `-DoutputDirectory=${folder}`]);
}

async function maven(args: readonly string[]): Promise<void> {
  const command = await program(MAVEN);
  try {
    await run(command, ['-q', '-B', ...args], { maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    const said = error instanceof Error && 'stdout' in error ? String(error.stdout).trim().split('\n').slice(0, 3).join(' ') : '';
    throw new LocalServiceError(
      'not_installed',
      `Maven could not fetch what the services need; see that it reaches its repository. ${said}`,
      {
        cause: error,
      },
    );
  }
}

function project(artifacts: readonly Artifact[]): string {
  const dependencies = artifacts.map(
    ({ group, name, version }) =>
      `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>io.idemtrace</groupId>
  <artifactId>local-services</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>${dependencies.join('')}</dependencies>
</project>
`;
}

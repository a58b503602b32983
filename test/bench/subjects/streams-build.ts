/** The Kafka Streams program, built by Maven outside of the repository, once for each state of its sources. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface StreamsBuild {
  readonly java: string;
  readonly classPath: string;
}

const project = join(import.meta.dirname, '../kafka-streams');

/** Builds it into a folder of `cache` where it is not there yet. Throws where there is no Maven or no Java 17. */
export async function buildStreams(cache: string): Promise<StreamsBuild> {
  const sources = ['pom.xml', ...globSync('src/**/*.java', { cwd: project }).sort()];
  const digest = createHash('sha256');
  for (const source of sources) digest.update(source).update(readFileSync(join(project, source)));
  const folder = join(cache, `kafka-streams-${digest.digest('hex').slice(0, 16)}`);
  const jar = join(folder, 'bench.jar');
  if (!existsSync(jar)) {
    const args = ['-q', '-B', '-f', join(project, 'pom.xml'), `-Dbench.build=${folder}`, 'package'];
    await promisify(execFile)('mvn', args, { maxBuffer: 16 << 20 }).catch((error: unknown) => {
      throw new Error('The Kafka Streams program was not built: it needs Maven and a JDK of 17 or later.', { cause: error });
    });
  }
  return { java: 'java', classPath: [jar, join(folder, 'dependency', '*')].join(':') };
}

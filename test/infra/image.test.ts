/** The Dockerfile cannot be built here: it is held to what the program needs to run. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { fileText, ROOT } from './deployment.ts';

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const stages = fileText('Dockerfile')
  .split(/^FROM /m)
  .slice(1);
const copied = (stage: string | undefined) =>
  Array.from((stage ?? '').matchAll(/^COPY (?!--from)(.+) \S+$/gm), ([, sources]) => (sources ?? '').split(' ')).flat();

/** The folders of idemtrace and of all that it depends on in this workspace. */
function workspaceFolders(): readonly string[] {
  const folders = [
    'schemas',
    ...['identity', 'stream', 'emitter', 'gateway', 'detector', 'lineage', 'idemtrace'].map((name) => `services/${name}`),
  ];
  const byName = new Map(folders.map((folder) => [manifestOf(folder).name, folder]));
  const needed = new Set(['services/idemtrace']);
  for (const folder of needed) {
    for (const [name, version] of Object.entries(manifestOf(folder).dependencies ?? {})) {
      if (!version.startsWith('workspace:')) continue;
      const dependency = byName.get(name);
      if (dependency === undefined) throw new Error(`${name} is of this workspace, and the test does not know where`);
      needed.add(dependency);
    }
  }
  return [...needed].sort();
}

const manifestOf = (folder: string) => JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest;

test('there are two stages, both on the Node that the workspace runs on', () => {
  const { nodeVersion } = parse(fileText('pnpm-workspace.yaml')) as { readonly nodeVersion: string };
  expect(stages.map((stage) => stage.split('\n')[0])).toEqual([
    `node:${nodeVersion}-bookworm-slim AS packages`,
    `node:${nodeVersion}-bookworm-slim`,
  ]);
});

test('every package that the program is made of is in the image, with its sources', () => {
  const needed = workspaceFolders();
  expect(needed.length).toBeGreaterThan(5);
  expect(
    copied(stages[0])
      .filter((path) => path.endsWith('/package.json'))
      .sort(),
  ).toEqual(needed.map((folder) => `${folder}/package.json`));
  expect(
    copied(stages[1])
      .filter((path) => path.endsWith('/src'))
      .sort(),
  ).toEqual(needed.map((folder) => `${folder}/src`));
  expect(copied(stages[1])).toEqual(expect.arrayContaining(['infra/clickhouse/migrations', 'schemas/avro']));
});

test('what is copied is there and is sent to the builder, and nothing else is', () => {
  const [shut, ...sent] = fileText('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(shut).toBe('**');
  const patterns = sent
    .filter((line) => line.startsWith('!'))
    .map((line) => new RegExp(`^${line.slice(1).replaceAll('.', '\\.').replaceAll('*', '[^/]+')}$`));
  for (const path of stages.flatMap(copied)) {
    expect({ path, isThere: existsSync(join(ROOT, path)), isSent: patterns.some((pattern) => pattern.test(path)) }).toEqual({
      path,
      isThere: true,
      isSent: true,
    });
  }
});

test('only what runs is installed, and the program runs as nobody in particular', () => {
  expect(stages[0]).toContain("pnpm install --prod --no-optional --frozen-lockfile --ignore-scripts --filter 'idemtrace...'");
  const last = stages[1] ?? '';
  expect(last).toMatch(/^USER 1000:1000$/m);
  expect(last).toMatch(/^ENTRYPOINT \["idemtrace"\]$/m);
  expect(last.indexOf('USER')).toBeGreaterThan(last.lastIndexOf('RUN '));
  expect(fileText('Dockerfile')).not.toMatch(/^(ADD|ARG|ENV .*(PASSWORD|SECRET|TOKEN|KEY))/m);
});

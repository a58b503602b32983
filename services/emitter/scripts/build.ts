/**
 * Builds dist/ for publishing: one bundle per entry with everything it needs inlined (the SDK has no runtime dependency), and its types. Left out
 * are the Kafka clients, which who uses `./kafka` or `./alerts` installs beside it.
 *
 * usage: build.ts [--out DIR]  default: dist/
 *        build.ts --size       only dist/size/together.js, `.` and `./http` in one minified bundle, for size-limit
 */
import { rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..');
const { values: options } = parseArgs({ options: { size: { type: 'boolean' }, out: { type: 'string' } } });
const out = resolve(options.out ?? join(root, 'dist'));
const ENTRIES = {
  index: 'src/index.ts',
  'http/index': 'src/http/index.ts',
  'kafka/index': 'src/kafka/index.ts',
  'alerts/index': 'src/alerts/index.ts',
  'testing/index': 'src/testing/index.ts',
  internal: 'src/internal.ts',
};

/** avsc requires modules of Node's, which a bundle of ES modules cannot: it is given what an import gives. */
const builtins: Plugin = {
  name: 'required builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === 'require-call' && isBuiltin(path) ? { path, namespace: 'builtin' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => {
      const name = JSON.stringify(path.startsWith('node:') ? path : `node:${path}`);
      return { contents: `import * as all from ${name}; module.exports = all.default;` };
    });
  },
};

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.19',
  logLevel: 'warning',
};

if (options.size) {
  await build({
    ...common,
    minify: true,
    outfile: 'dist/size/together.js',
    stdin: { contents: "export * from './src/index.ts'; export * from './src/http/index.ts';", resolveDir: root, loader: 'ts' },
  });
} else {
  rmSync(out, { recursive: true, force: true });
  // Entries share what they have in common: an instance must be the same class whichever entry made it.
  await build({
    ...common,
    entryPoints: ENTRIES,
    outdir: out,
    splitting: true,
    sourcemap: true,
    external: ['kafkajs'],
    plugins: [builtins],
  });
  const { rollup } = await import('rollup');
  const { dts } = await import('rollup-plugin-dts');
  const bundle = await rollup({
    input: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(root, path)])),
    // The configuration maps the workspace's packages to their sources: as external ones each of their files would be compiled by itself.
    plugins: [dts({ tsconfig: join(root, 'tsconfig.build.json') })],
    external: [/^node:/, 'kafkajs', /^@kafkajs\//],
  });
  await bundle.write({ dir: out, format: 'es', entryFileNames: '[name].d.ts', chunkFileNames: '[name]-[hash].d.ts' });
  await bundle.close();
}

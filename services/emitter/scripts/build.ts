/**
 * Builds dist/ for publishing: one bundle per entry with everything it needs inlined (the SDK has no runtime dependency), and its types.
 *
 * usage: build.ts [--out DIR]  default: dist/
 *        build.ts --size       only dist/size/together.js, `.` and `./http` in one minified bundle, for size-limit
 */
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type BuildOptions, build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const { values: options } = parseArgs({ options: { size: { type: 'boolean' }, out: { type: 'string' } } });
const out = resolve(options.out ?? join(root, 'dist'));
const ENTRIES = {
  index: 'src/index.ts',
  'http/index': 'src/http/index.ts',
  'testing/index': 'src/testing/index.ts',
  internal: 'src/internal.ts',
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
  await build({ ...common, entryPoints: ENTRIES, outdir: out, splitting: true, sourcemap: true });
  const { rollup } = await import('rollup');
  const { dts } = await import('rollup-plugin-dts');
  const bundle = await rollup({
    input: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(root, path)])),
    // The configuration maps the workspace's packages to their sources: as external ones each of their files would be compiled by itself.
    plugins: [dts({ tsconfig: join(root, 'tsconfig.build.json') })],
    external: [/^node:/],
  });
  await bundle.write({ dir: out, format: 'es', entryFileNames: '[name].d.ts', chunkFileNames: '[name]-[hash].d.ts' });
  await bundle.close();
}

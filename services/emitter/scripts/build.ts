/**
 * Builds dist/ for publishing: one bundle per entry with everything it needs inlined (the SDK has no runtime dependency), and its types.
 *
 * usage: build.ts [--size]     --size: only dist/size/together.js, `.` and `./http` in one minified bundle, for size-limit
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';

const root = join(import.meta.dirname, '..');
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

if (process.argv.includes('--size')) {
  await build({
    ...common,
    minify: true,
    outfile: 'dist/size/together.js',
    stdin: { contents: "export * from './src/index.ts'; export * from './src/http/index.ts';", resolveDir: root, loader: 'ts' },
  });
} else {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  // Entries share what they have in common: an instance must be the same class whichever entry made it.
  await build({ ...common, entryPoints: ENTRIES, outdir: 'dist', splitting: true, sourcemap: true });
  const { rollup } = await import('rollup');
  const { dts } = await import('rollup-plugin-dts');
  const bundle = await rollup({
    input: Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(root, path)])),
    plugins: [
      dts({
        respectExternal: true,
        includeExternal: ['@idemtrace/schemas', '@idemtrace/identity'],
        tsconfig: join(root, '../../tsconfig.json'),
      }),
    ],
    external: [/^node:/],
  });
  await bundle.write({ dir: join(root, 'dist'), format: 'es', entryFileNames: '[name].d.ts', chunkFileNames: '[name]-[hash].d.ts' });
  await bundle.close();
}

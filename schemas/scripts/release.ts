/**
 * Keeps the current schemas as those of a release: copies avro/*.avsc to history/VERSION. From then on every later schema must be
 * compatible with them. Run `pnpm generate` afterwards.
 *
 * usage: release.ts VERSION     refuses a version that is there already, and schemas that break an earlier release
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fullTransitiveMistakes } from '../src/compatibility.ts';
import { readHistory, VERSION } from './history.ts';

const root = join(import.meta.dirname, '..');
const [version = ''] = process.argv.slice(2);

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

if (!VERSION.test(version)) fail('usage: release.ts VERSION, e.g. 0.1.0');
const target = join(root, 'history', version);
if (existsSync(target)) fail(`schemas/history/${version} is there already: a release never changes`);

const files = readdirSync(join(root, 'avro')).filter((name) => name.endsWith('.avsc'));
const history = readHistory(join(root, 'history'));
const mistakes = files.flatMap((file) => {
  const name = file.replace('.avsc', '');
  const releases = history.filter((released) => released.name === name);
  return fullTransitiveMistakes(readFileSync(join(root, 'avro', file), 'utf8'), releases).map((mistake) => `${name}: ${mistake}`);
});
if (mistakes.length > 0) fail(mistakes.join('\n'));

mkdirSync(target, { recursive: true });
for (const file of files) copyFileSync(join(root, 'avro', file), join(target, file));

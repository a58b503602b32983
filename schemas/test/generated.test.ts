import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('the generated files are those that the schemas and their history give', () => {
  const script = join(import.meta.dirname, '../scripts/generate.ts');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect({ status, stale: stderr }).toEqual({ status: 0, stale: '' });
});
